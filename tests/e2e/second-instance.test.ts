import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ServiceName } from '../../scripts/dev-stack/environment.ts';
import { findFreePort } from '../../scripts/process/free-port.ts';
import { assertNoStack } from '../support/assert-nothing-unusual.ts';
import { startPlatform, type TestPlatform } from '../support/platform.ts';
import { startProgram } from '../support/process.ts';

const PORTS: readonly { readonly service: ServiceName; readonly variable: string; readonly other?: string }[] = [
  { service: 'ingest', variable: 'TELLTALE_INGEST_PORT', other: 'TELLTALE_INGEST_ADMIN_PORT' },
  { service: 'ingest', variable: 'TELLTALE_INGEST_ADMIN_PORT', other: 'TELLTALE_INGEST_PORT' },
  { service: 'broadcaster', variable: 'TELLTALE_BROADCASTER_PORT', other: 'TELLTALE_BROADCASTER_ADMIN_PORT' },
  { service: 'broadcaster', variable: 'TELLTALE_BROADCASTER_ADMIN_PORT', other: 'TELLTALE_BROADCASTER_PORT' },
  { service: 'worker', variable: 'TELLTALE_WORKER_ADMIN_PORT' },
];

let platform: TestPlatform;
before(async () => {
  platform = await startPlatform();
});
after(() => platform[Symbol.asyncDispose]());

for (const { service, variable, other } of PORTS) {
  test(`a second ${service} on the same ${variable} is refused with an error that names port and variable`, async () => {
    const settings = platform.settingsOf(service);
    const ownPort = other === undefined ? {} : { [other]: String(await findFreePort()) };
    await using second = await startProgram(`services/${service}/main.js`, [], { ...settings, ...ownPort });
    const status = await second.running.exited;
    assert.deepEqual(status, { code: 1, signal: null });
    const lines = second.running.lastLines(Infinity);
    const refusal = lines.find((line) => line.includes('"level":60')) ?? '';
    assert.match(refusal, new RegExp(`\\b${settings[variable] ?? 'no port'}\\b`));
    assert.match(refusal, new RegExp(`\\b${variable}\\b`));
    assertNoStack(service, lines);
    assert.equal((await fetch(`${platform.service(service).adminUrl}/readyz`)).status, 200);
  });
}
