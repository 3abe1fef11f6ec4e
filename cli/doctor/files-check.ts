import { readFileSync } from 'node:fs';
import { readValues, type Environment } from '../../platform/config/load-config.ts';
import { readJwksFile } from '../../platform/crypto/jwks-file.ts';
import { explainUnusable } from '../../platform/http/tls-files.ts';
import { StartupError } from '../../platform/lifecycle/startup-error.ts';
import { broadcasterSettings } from '../../services/broadcaster/config.ts';
import { ingestSettings, tlsFilesOf } from '../../services/ingest/config.ts';
import { workerSettings } from '../../services/worker/config.ts';
import { problem, type Finding } from './finding.ts';

/** Settings whose names end so name a file; `NAME_FILE` is read with the settings themselves. */
const NAMES_A_FILE = /_PATH$/;
const PATH_SETTINGS = Object.keys({ ...ingestSettings, ...workerSettings, ...broadcasterSettings }).filter((name) =>
  NAMES_A_FILE.test(name),
);
const JWKS = 'TELLTALE_BROADCASTER_JWKS_PATH';
const JWKS_FIX = '"telltale token" makes one, and says where it is';
const TLS = /^TELLTALE_INGEST_TLS_/;
const CERT = 'TELLTALE_INGEST_TLS_CERT_PATH';

/** The files that settings name: whether they are there, and whether the service that reads them can use them. */
export function checkFiles(environment: Environment): readonly Finding[] {
  const { values } = readValues(PATH_SETTINGS, environment);
  const unreadable = new Map<string, Finding>();
  for (const [setting, path] of Object.entries(values)) {
    const finding = checkReadable(setting, path);
    if (finding !== undefined) unreadable.set(setting, finding);
  }
  const jwksPath = values[JWKS];
  const isTlsReadable = ![...unreadable.keys()].some((setting) => TLS.test(setting));
  return [
    ...unreadable.values(),
    ...(jwksPath === undefined || unreadable.has(JWKS) ? [] : checkJwks(jwksPath)),
    ...(isTlsReadable ? checkTls(values) : []),
  ];
}

function checkReadable(setting: string, path: string): Finding | undefined {
  try {
    readFileSync(path);
    return undefined;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const make = setting === JWKS ? `; ${JWKS_FIX}` : '';
    if (code === 'ENOENT') {
      return problem('settings', `${setting}: there is no file ${path}`, `put it there, or correct ${setting}${make}`);
    }
    return problem(
      'settings',
      `${setting}: ${path} cannot be read (${messageOf(error)})`,
      `let the user of the service read it, or correct ${setting}`,
    );
  }
}

function checkJwks(path: string): readonly Finding[] {
  try {
    readJwksFile(path);
    return [];
  } catch (error) {
    const found = `${JWKS}: ${path} is no JWKS of P-256 keys with a kid each (${messageOf(error)})`;
    return [problem('settings', found, `correct ${JWKS} or the file; ${JWKS_FIX}`)];
  }
}

function checkTls(values: Readonly<Record<string, string>>): readonly Finding[] {
  try {
    const files = tlsFilesOf(values);
    const unusable = files && explainUnusable(files);
    if (unusable === undefined) return [];
    return [
      problem(
        'settings',
        `${CERT} and what belongs to it: the TLS files cannot be used: ${unusable}`,
        'put a certificate and its key there, both as PEM files: ingest does not start with these',
      ),
    ];
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    return [problem('settings', `ingest: of ${CERT} and TELLTALE_INGEST_TLS_KEY_PATH one is missing`, error.message)];
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
