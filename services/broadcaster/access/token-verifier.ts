import { statSync } from 'node:fs';
import { createLocalJWKSet, decodeProtectedHeader, errors, jwtVerify, type JSONWebKeySet } from 'jose';
import { readJwksFile } from '../../../platform/crypto/jwks-file.ts';
import { StartupError } from '../../../platform/lifecycle/startup-error.ts';
import type { Logger } from '../../../platform/log/logger.ts';

export interface TokenSettings {
  /** Of public keys, RFC 7517. */
  readonly jwksPath: string;
  readonly audience: string;
  readonly issuer: string | undefined;
}

/** Whose connection it is, and until when. */
export interface Account {
  readonly name: string;
  readonly expiresAtMs: number;
  readonly keyId: string;
}

export type TokenVerdict =
  | { readonly ok: true; readonly account: Account }
  | { readonly ok: false; readonly code: 'unauthorized' | 'token-expired'; readonly detail: string };

const CLOCK_TOLERANCE_S = 5;
/** A claim may be any number; a date of RFC 3339 has a year of four digits. */
const LAST_DATE_MS = Date.UTC(9999, 11, 31);

/** JWTs by ES256 (RFC 7518) with `sub`, `exp` and the audience, of a key in a JWKS file that is read again when it changes. */
export class TokenVerifier {
  readonly #settings: TokenSettings;
  readonly #log: Logger;
  #jwks: JSONWebKeySet;
  #getKey: ReturnType<typeof createLocalJWKSet>;
  #readAt: string;

  constructor(settings: TokenSettings, log: Logger) {
    this.#settings = settings;
    this.#log = log;
    this.#readAt = fileState(settings.jwksPath);
    try {
      this.#jwks = readJwksFile(settings.jwksPath);
    } catch (error) {
      throw new StartupError(
        `TELLTALE_BROADCASTER_JWKS_PATH: ${settings.jwksPath} is no JWKS of P-256 keys with a kid each ` +
          `(${error instanceof Error ? error.message : String(error)}). "telltale token" makes one.`,
      );
    }
    this.#getKey = createLocalJWKSet(this.#jwks);
  }

  /** Keeps the keys that it has when the file cannot be read. */
  reload(): void {
    const state = fileState(this.#settings.jwksPath);
    if (state === this.#readAt) return;
    this.#readAt = state;
    try {
      this.#jwks = readJwksFile(this.#settings.jwksPath);
      this.#getKey = createLocalJWKSet(this.#jwks);
      this.#log.info({ keys: this.#jwks.keys.length }, 'the keys of tokens were read again');
    } catch (error) {
      this.#log.error({ err: error }, 'the changed JWKS file cannot be used; the keys from before go on');
    }
  }

  /** Whether the account may go on: its token has not expired, and its key has not been taken away. */
  check({ expiresAtMs, keyId }: Account, nowMs: number): TokenVerdict['ok'] {
    return expiresAtMs + CLOCK_TOLERANCE_S * 1000 > nowMs && this.#jwks.keys.some(({ kid }) => kid === keyId);
  }

  async verify(token: string): Promise<TokenVerdict> {
    const { audience, issuer } = this.#settings;
    try {
      const { payload, protectedHeader } = await jwtVerify(token, this.#getKey, {
        algorithms: ['ES256'],
        audience,
        ...(issuer !== undefined && { issuer }),
        requiredClaims: ['sub', 'exp'],
        clockTolerance: CLOCK_TOLERANCE_S,
      });
      const { sub, exp } = payload;
      if (sub === undefined || sub === '' || exp === undefined) return refused('the token has no sub or no exp');
      const keyId = protectedHeader.kid;
      if (keyId === undefined) return refused('the token does not name its key (kid)');
      return { ok: true, account: { name: sub, expiresAtMs: Math.min(exp * 1000, LAST_DATE_MS), keyId } };
    } catch (error) {
      if (error instanceof errors.JWTExpired) {
        return { ok: false, code: 'token-expired', detail: 'the token has expired' };
      }
      return refused(explain(error, token));
    }
  }
}

function refused(detail: string): TokenVerdict {
  return { ok: false, code: 'unauthorized', detail };
}

/** For whoever writes a client; says nothing that helps to forge. */
function explain(error: unknown, token: string): string {
  if (error instanceof errors.JWTClaimValidationFailed)
    return `the claim ${error.claim} is missing or is not the right one`;
  if (error instanceof errors.JOSEAlgNotAllowed) return 'the token must be signed by ES256';
  if (error instanceof errors.JWKSNoMatchingKey) return 'no key of ours has the kid of the token';
  try {
    decodeProtectedHeader(token);
  } catch {
    return 'this is no JWT';
  }
  return 'the signature of the token is wrong';
}

/** Another text whenever the file has changed; empty for one that cannot be looked at. */
function fileState(path: string): string {
  try {
    const { mtimeMs, size, ino } = statSync(path);
    return `${mtimeMs}:${size}:${ino}`;
  } catch {
    return '';
  }
}
