import { hash as sha256, randomBytes } from 'node:crypto';
import { enrolmentRequestSchema, type EnrolmentRequest } from '../../../contracts/enrolment.ts';
import { enrolmentChallenge } from '../../../contracts/possession.ts';
import { redisKeys } from '../../../contracts/redis-keys.ts';
import { parseEnrolmentTokenRecord } from '../../../contracts/registry.ts';
import { createApiKey } from '../../../core/identity/api-key.ts';
import { parseEnrolmentToken } from '../../../core/identity/enrolment-token.ts';
import type { SignatureVerifier } from '../../../platform/crypto/signature-verifier.ts';
import type { Logger } from '../../../platform/log/logger.ts';
import { hashForMosquitto } from '../../../platform/crypto/mosquitto-password.ts';
import type { Redis } from '../../../platform/redis/open-redis.ts';
import type { Arrival } from '../http/resource.ts';
import type { HostileSources } from '../hostile/hostile-sources.ts';
import { decideTime, type Freshness } from '../identify/decide-claim.ts';
import { allowanceOf, quotaExceeded } from '../limit/limit-outcome.ts';
import type { RateLimiter } from '../limit/rate-limiter.ts';
import { reducedCapacity, rejected, type HttpOutcome } from '../outcome.ts';
import { parseNewKey } from './new-key.ts';
import { parseRequestBody } from './parse-request-body.ts';
import type { RegistryRequests } from './registry-requests.ts';

export interface EnrolmentDeskParts {
  readonly redis: Redis;
  readonly limiter: RateLimiter;
  readonly hostile: Pick<HostileSources, 'refuseAddress'>;
  readonly verifier: SignatureVerifier;
  readonly requests: RegistryRequests;
}

/**
 * Lets a new device in, on a token that an operator gave out for once and a proof that it holds its private key. Judged by
 * the projection alone; the worker has the last word. The order of the steps is the precedence of the problem codes.
 */
export class EnrolmentDesk {
  readonly #parts: EnrolmentDeskParts;
  readonly #freshness: Freshness;
  readonly #log: Logger;

  constructor(parts: EnrolmentDeskParts, options: { readonly freshness: Freshness; readonly log: Logger }) {
    this.#parts = parts;
    this.#freshness = options.freshness;
    this.#log = options.log;
  }

  async handle(arrival: Arrival, content: Uint8Array): Promise<HttpOutcome> {
    const unwelcome = this.#parts.hostile.refuseAddress(arrival.source, arrival.receivedMs);
    if (unwelcome !== undefined) return unwelcome;
    const body = parseRequestBody(content, enrolmentRequestSchema);
    if (!body.ok) return body.error;
    try {
      return await this.#decide(body.value, arrival);
    } catch (error) {
      this.#log.debug({ err: error }, 'an enrolment cannot be decided');
      return reducedCapacity('registry-unreadable');
    }
  }

  async #decide(request: EnrolmentRequest, { source, receivedMs }: Arrival): Promise<HttpOutcome> {
    const tokenHash = sha256('sha256', request.token, 'base64url');
    if (!(await this.#isGood(request, tokenHash, receivedMs))) return rejected('enrolment-token-invalid');
    const arrival = { receivedMs, mayBeHeld: false };
    const untimely = decideTime({ createdS: request.created }, arrival, this.#freshness);
    if (untimely !== undefined) return untimely;
    const verdict = this.#parts.limiter.decideStranger(source, receivedMs * 1000);
    if (!verdict.allowed) return quotaExceeded(verdict);
    return { ...(await this.#enrol(request, tokenHash, receivedMs)), rateLimit: allowanceOf(verdict) };
  }

  async #isGood(request: EnrolmentRequest, tokenHash: string, nowMs: number): Promise<boolean> {
    if (parseEnrolmentToken(request.token) === undefined) return false;
    // Found by its hash, whose bytes nobody can choose: how long the look-up takes tells nothing about a token.
    const json = await this.#parts.redis.hget(redisKeys.enrolmentTokens, tokenHash);
    if (json === null) return false;
    const record = parseEnrolmentTokenRecord(json);
    return nowMs <= record.expires_at_ms && (record.device === null || record.device === request.device_id);
  }

  async #enrol(request: EnrolmentRequest, tokenHash: string, receivedMs: number): Promise<HttpOutcome> {
    const { device_id: deviceId, key_id: keyId, created: createdS, signature } = request;
    const key = parseNewKey(request.public_key);
    if (!key.ok) return key.error;
    const { publicKey, thumbprint } = key.value;
    const challenge = enrolmentChallenge({ tokenHash, deviceId, keyId, publicKey, createdS });
    const { verifier, redis, requests } = this.#parts;
    if (!verifier.verify(publicKey, Buffer.from(challenge), Buffer.from(signature, 'base64url'))) {
      return rejected('signature-invalid', { detail: 'the signature does not prove that the device holds the key' });
    }
    if ((await redis.hexists(redisKeys.devices, deviceId)) === 1) return rejected('device-exists');
    const apiKey = createApiKey(randomBytes);
    return await requests.submit(
      {
        kind: 'enrolment',
        received_ms: receivedMs,
        device: deviceId,
        token: tokenHash,
        key: { id: keyId, public_key: publicKey, thumbprint },
        api_key: {
          id: apiKey.id,
          hash: sha256('sha256', apiKey.text, 'base64url'),
          broker_hash: hashForMosquitto(apiKey.text),
        },
      },
      { api_key: apiKey.text },
    );
  }
}
