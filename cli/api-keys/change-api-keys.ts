import { randomBytes } from 'node:crypto';
import { createApiKey } from '../../core/identity/api-key.ts';
import { apiKeyRegistration } from '../keys/registrations.ts';
import { parseDuration } from '../options/duration.ts';
import { tellDone, tellResult, type OutputOptions } from '../output/tell.ts';
import { withRegistry } from '../stores/with-stores.ts';

/** The new API key alone is on standard output: it is shown only here. */
export async function rotateApiKey(
  deviceId: string,
  options: OutputOptions & { readonly overlap: string },
): Promise<void> {
  const overlapMs = parseDuration(options.overlap);
  const { id, text } = createApiKey(randomBytes);
  const made = { device: deviceId, api_key_id: id, api_key: text, others_end_in_s: overlapMs / 1000 };
  await withRegistry(
    (_registry, trust) => trust.rotateApiKey(deviceId, apiKeyRegistration(text), overlapMs),
    () => tellResult(options, made, [text]),
  );
}

export async function revokeApiKey(id: string, options: OutputOptions): Promise<void> {
  await withRegistry((_registry, trust) => trust.revokeApiKey(id));
  tellDone(options, { api_key_id: id, revoked: true }, `the API key ${id} is revoked`);
}
