import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { parseApiKey, type ApiKey } from '../../core/identity/api-key.ts';
import { createEnrolmentToken, type EnrolmentToken } from '../../core/identity/enrolment-token.ts';
import { TrustStore, type EnrolmentTokenRegistration } from '../../platform/postgres/trust-store.ts';
import { createProjector, projectNow } from './projecting.ts';
import type { RawRequest, RawResponse } from './raw-http.ts';
import type { SignedDevice } from './signed-device.ts';
import type { WorkerStores } from './worker-stores.ts';

/** Given out as the admin command does; known to the services when this returns. */
export async function giveToken(
  stores: WorkerStores,
  changes: Partial<EnrolmentTokenRegistration> = {},
): Promise<EnrolmentToken> {
  const token = createEnrolmentToken(randomBytes);
  await new TrustStore(stores.database).addEnrolmentToken({
    hash: createHash('sha256').update(token).digest(),
    deviceId: null,
    class: 'fixed',
    site: null,
    owner: null,
    position: null,
    ttlMs: 3_600_000,
    ...changes,
  });
  await projectNow(stores, createProjector(stores));
  return token;
}

export interface EnrolmentParts {
  readonly token: unknown;
  readonly device_id: unknown;
  readonly key_id: unknown;
  readonly public_key: unknown;
  readonly created: unknown;
  readonly signature: unknown;
}

/** Fills the template of docs/protocol.md, without any code of the verifier. */
export function enrolmentBody(
  device: SignedDevice,
  token: string,
  changes: Partial<EnrolmentParts> = {},
): EnrolmentParts {
  const key = device.key();
  const {
    public_key: publicKey = Buffer.from(key.publicKey).toString('base64url'),
    created = Math.floor(Date.now() / 1000),
    device_id: deviceId = device.id,
    key_id: keyId = key.id,
  } = changes;
  const tokenHash = createHash('sha256').update(token).digest('base64url');
  const lines = ['telltale-enrolment-v1', 'POST', '/v1/enrolments', tokenHash, deviceId, keyId, publicKey, created];
  const signature = Buffer.from(key.sign(lines.join('\n')), 'base64').toString('base64url');
  return { token, device_id: deviceId, key_id: keyId, public_key: publicKey, created, signature, ...changes };
}

export function postJson(target: string, body: unknown): RawRequest {
  const content = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return {
    method: 'POST',
    target,
    fields: [
      ['Host', 'ingest.example'],
      ['Content-Type', 'application/json'],
      ['Content-Length', String(content.length)],
    ],
    body: content,
  };
}

export function getRequest(target: string): RawRequest {
  return { method: 'GET', target, fields: [['Host', 'ingest.example']], body: Buffer.alloc(0) };
}

export function enrolment(device: SignedDevice, token: string, changes: Partial<EnrolmentParts> = {}): RawRequest {
  return postJson('/v1/enrolments', enrolmentBody(device, token, changes));
}

const answerSchema = z.strictObject({
  state: z.enum(['done', 'pending', 'refused']),
  device_id: z.string(),
  key_id: z.string(),
  api_key: z.string().optional(),
  problem: z.looseObject({ code: z.string() }).optional(),
});
export type RequestAnswer = z.output<typeof answerSchema> & { readonly location: string };

/** Asserts the form that every answer about a request has. */
export function parseAnswer(response: RawResponse, status: number): RequestAnswer {
  assert.equal(response.status, status, response.body);
  assert.equal(response.headers.get('content-type'), 'application/json');
  assert.equal(response.headers.get('cache-control'), 'no-store');
  return { ...answerSchema.parse(JSON.parse(response.body)), location: response.headers.get('location') ?? '' };
}

export function apiKeyOf(answer: RequestAnswer): ApiKey {
  const apiKey = parseApiKey(answer.api_key ?? '');
  assert.ok(apiKey, 'no API key in the answer');
  return apiKey;
}
