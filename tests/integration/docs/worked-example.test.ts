import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createApiKey } from '../../../core/identity/api-key.ts';
import { parsePublicKey } from '../../../platform/crypto/p256-key.ts';
import type { DeviceRegistration } from '../../../platform/postgres/registry-store.ts';
import { openIngestPlatform } from '../../support/ingest-platform.ts';
import { deviceRegistration } from '../../support/registrations.ts';
import { findShellExamples, runShellExamples } from '../../support/shell-examples.ts';
import { envelopeVector } from '../../support/vectors.ts';

const DEVICE = 'urn:dev:mac:0024befffe804ff1';

/** The device of the vectors, as an operator would register it. */
function vectorDevice(apiKey: { readonly id: string; readonly text: string }): DeviceRegistration {
  const key = parsePublicKey(Buffer.from(envelopeVector.publicKeySpkiBase64, 'base64'));
  assert.ok(key.ok);
  return deviceRegistration(DEVICE, {
    keys: [{ id: '1', publicKey: key.value.bytes, thumbprint: key.value.thumbprint }],
    apiKeys: [{ id: apiKey.id, hash: createHash('sha256').update(apiKey.text).digest() }],
  });
}

test('every command of the device protocol prints what the document says, and ingest answers so', async () => {
  await using platform = await openIngestPlatform();
  const apiKey = createApiKey(randomBytes);
  await platform.registry.register({ registration: () => vectorDevice(apiKey) });
  const examples = findShellExamples(readFileSync('docs/protocol.md', 'utf8'));
  assert.ok(examples.length >= 15, 'the worked examples are not where they were');
  const { outputs, errors, code } = await runShellExamples(examples, {
    INGEST_URL: `http://127.0.0.1:${platform.port}`,
    API_KEY: apiKey.text,
  });
  for (const [index, { line, output = '' }] of examples.entries()) {
    assert.equal(outputs[index], output, `docs/protocol.md:${line}\n${errors}`);
  }
  assert.equal(code, 0, errors);
  assert.equal(errors, '');
});
