import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';

/** Paths of PEM files. */
export interface TlsFiles {
  /** The server's certificate, with its chain. */
  readonly certPath: string;
  readonly keyPath: string;
  /** Authorities that a client's certificate must come from, when it shows one. */
  readonly clientCaPath: string | undefined;
}

/** What is wrong with the files, in words; undefined when a server can use them. */
export function explainUnusable({ certPath, keyPath, clientCaPath }: TlsFiles): string | undefined {
  try {
    const cert = readFileSync(certPath);
    const key = readFileSync(keyPath);
    const ca = clientCaPath === undefined ? undefined : readFileSync(clientCaPath);
    const certificate = new X509Certificate(cert);
    if (!certificate.checkPrivateKey(createPrivateKey(key))) return `${keyPath} is not the key of ${certPath}`;
    if (Date.parse(certificate.validTo) < Date.now()) return `${certPath} expired on ${certificate.validTo}`;
    createSecureContext({ cert, key, ...(ca !== undefined && { ca }) });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Another text whenever a file has changed; a renewal replaces two files, one after the other. */
export function fingerprintOf({ certPath, keyPath, clientCaPath }: TlsFiles): string {
  const paths = [certPath, keyPath, ...(clientCaPath === undefined ? [] : [clientCaPath])];
  return paths
    .map((path) => {
      const { mtimeMs, size, ino } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: 0, size: 0, ino: 0 };
      return `${mtimeMs}:${size}:${ino}`;
    })
    .join(' ');
}
