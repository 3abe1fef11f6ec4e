import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch, type Browser, type Page } from 'puppeteer-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
/** The compiled client, which a page loads as a browser does. */
const CLIENT = fileURLToPath(new URL('../../clients/js/src/', import.meta.url));

function findChromium(): string {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const found = folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find((path) => existsSync(path));
  if (found === undefined) throw new Error('there is no Chromium: install the package chromium');
  return found;
}

/** A page in a real browser that has loaded the client from a server of its own. */
export interface ClientPage extends AsyncDisposable {
  readonly page: Page;
  /** Of the page. */
  readonly origin: string;
}

export async function openClientPage(): Promise<ClientPage> {
  const server = createServer((request, response) => {
    const [, name] = /^\/client\/([a-z-]+\.js)$/.exec(request.url ?? '') ?? [];
    if (name === undefined) {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Alerts</title>');
      return;
    }
    readFile(join(CLIENT, name)).then(
      (script) => response.writeHead(200, { 'content-type': 'text/javascript' }).end(script),
      () => response.writeHead(404).end(),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let browser: Browser | undefined;
  const close = async (): Promise<void> => {
    await browser?.close();
    server.closeAllConnections();
    server.close();
  };
  try {
    // Containers have no user namespaces for its sandbox, and little shared memory.
    const args = ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'];
    browser = await launch({ executablePath: findChromium(), headless: true, args });
    const page = await browser.newPage();
    await page.goto(origin);
    return { page, origin, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}
