import { createHash, createPrivateKey, sign, type KeyObject } from 'node:crypto';
import { SENML_JSON } from '../../contracts/envelope-claim.ts';
import {
  formatSignatureParams,
  signatureBase,
  TELEMETRY_METHOD,
  TELEMETRY_PATH,
} from '../../contracts/http-signature.ts';
import { parseProblemCode } from './parse-reply.ts';
import { firstNonceAfterBoot } from '../../core/identity/nonce.ts';
import { CommandFailure, UsageFailure } from '../../platform/lifecycle/command-failure.ts';
import { readTextFile } from '../options/read-text-file.ts';
import { tellResult, type OutputOptions } from '../output/tell.ts';
import { findIngestUrl } from '../stores/find-service-urls.ts';

export interface TypedReading {
  readonly device: string;
  readonly metric: string;
  readonly value: string;
  readonly unit: string | undefined;
}

interface SendOptions extends OutputOptions {
  readonly key: string;
  readonly keyId: string;
  readonly apiKey?: string;
  readonly apiKeyFile?: string;
  readonly url?: string;
}

const REPLY_WITHIN_MS = 10_000;
const ACCEPTED = 202;

/** One envelope of one device, made as docs/protocol.md says. */
export async function sendReading(reading: TypedReading, options: SendOptions): Promise<void> {
  const apiKey = readApiKey(options);
  const key = readPrivateKey(options.key);
  const nowMs = Date.now();
  const content = JSON.stringify([recordOf(reading, nowMs)]);
  const headers = signHeaders(content, { name: `${reading.device}/${options.keyId}`, key }, nowMs);
  const url = new URL(TELEMETRY_PATH, await findIngestUrl(options.url));
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method: TELEMETRY_METHOD,
      headers: { ...headers, 'X-API-Key': apiKey },
      body: content,
      signal: AbortSignal.timeout(REPLY_WITHIN_MS),
    });
    text = (await response.text()).trim();
  } catch (error) {
    const why = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    throw new CommandFailure(
      `${url.origin} does not answer (${why}): is the platform running? Else give --url, or set TELLTALE_INGEST_URL`,
    );
  }
  const { status } = response;
  tellResult(options, { status, reply: parseReply(text) }, [`${status} ${text}`]);
  if (status === ACCEPTED) return;
  throw new CommandFailure(
    `${url.origin} does not take the reading: ${parseProblemCode(text) ?? status}; docs/protocol.md says what that means`,
  );
}

function readApiKey({ apiKey, apiKeyFile }: SendOptions): string {
  if (apiKey !== undefined && apiKeyFile !== undefined) {
    throw new UsageFailure('--api-key and --api-key-file are both given; keep one');
  }
  if (apiKeyFile !== undefined) {
    const text = readTextFile(apiKeyFile).trim();
    // A header cannot hold it, and an error that quotes it would show what may be another secret.
    if (!/^[\x21-\x7e]+$/.test(text)) throw new CommandFailure(`${apiKeyFile} is no file with an API key alone`);
    return text;
  }
  const given = apiKey ?? process.env['API_KEY'] ?? '';
  if (given !== '') return given;
  throw new UsageFailure('--api-key-file or --api-key is missing: give one, or set the environment variable API_KEY');
}

/** A number, true, false, or else a text (RFC 8428). */
function recordOf({ metric, value, unit }: TypedReading, nowMs: number): object {
  const number = value.trim() === '' ? NaN : Number(value);
  const measured = Number.isFinite(number)
    ? { v: number }
    : value === 'true' || value === 'false'
      ? { vb: value === 'true' }
      : { vs: value };
  return { n: metric, ...(unit !== undefined && { u: unit }), t: nowMs / 1000, ...measured };
}

function signHeaders(
  content: string,
  { name, key }: { readonly name: string; readonly key: KeyObject },
  nowMs: number,
): Readonly<Record<string, string>> {
  const createdS = Math.floor(nowMs / 1000);
  // One of the nonces of this second, by its microsecond: whoever sends again within it has another one.
  const nonce = firstNonceAfterBoot(createdS) + Math.floor((nowMs % 1000) * 1000 + (performance.now() % 1) * 1000);
  const contentDigest = `sha-256=:${createHash('sha256').update(content).digest('base64')}:`;
  const signatureParams = formatSignatureParams({ createdS, keyId: name, nonce });
  const base = Buffer.from(signatureBase(SENML_JSON, contentDigest, signatureParams));
  const signature = sign('sha256', base, { key, dsaEncoding: 'ieee-p1363' });
  return {
    'Content-Type': SENML_JSON,
    'Content-Digest': contentDigest,
    'Signature-Input': `sig1=${signatureParams}`,
    Signature: `sig1=:${signature.toString('base64')}:`,
  };
}

function readPrivateKey(file: string): KeyObject {
  const pem = readTextFile(file);
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (error) {
    throw new CommandFailure(
      `${file} is no PEM file of a private key: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return key;
  throw new CommandFailure(`${file} is no P-256 key: "telltale devices add <device> --new-key <file>" makes one`);
}

function parseReply(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
