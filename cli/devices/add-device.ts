import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { createApiKey } from '../../core/identity/api-key.ts';
import { parseDeviceId } from '../../core/identity/ids.ts';
import { UsageFailure } from '../../platform/lifecycle/command-failure.ts';
import { apiKeyRegistration, keyRegistration } from '../keys/registrations.ts';
import { tellResult, type OutputOptions } from '../output/tell.ts';
import { withRegistry, WrittenFailure } from '../stores/with-stores.ts';
import { parseStatus, parseTags } from './describe-device.ts';
import { readKeyOption, type KeyFileOptions } from './key-file.ts';
import { parsePosition, type PositionOptions } from './position-option.ts';

interface AddDeviceOptions extends PositionOptions, KeyFileOptions, OutputOptions {
  readonly keyId: string;
  readonly mobile: boolean;
  readonly site?: string;
  readonly owner?: string;
  readonly status?: string;
  readonly tag?: readonly string[];
}

/** The API key alone is on standard output: it is shown only here. */
export async function addDevice(deviceId: string, options: AddDeviceOptions): Promise<void> {
  const id = parseDeviceId(deviceId);
  if (id === undefined) {
    throw new UsageFailure(`${deviceId} is not a device id: letters, digits and : . _ -, at most 128`);
  }
  const described = {
    class: options.mobile ? ('mobile' as const) : ('fixed' as const),
    site: options.site ?? null,
    owner: options.owner ?? null,
    position: parsePosition(options),
    status: parseStatus(options.status),
    tags: parseTags(options.tag),
  };
  const spki = readKeyOption(options);
  const apiKey = createApiKey(randomBytes);
  const made = { device: id, key_id: options.keyId, api_key: apiKey.text, key_file: options.newKey ?? null };
  try {
    const keys = [keyRegistration(id, options.keyId, spki)];
    await withRegistry(
      (store) => store.registerDevices([{ id, ...described, keys, apiKeys: [apiKeyRegistration(apiKey.text)] }]),
      () => tellResult(options, made, [apiKey.text]),
    );
  } catch (error) {
    // A key that nobody knows would be in the way of the next attempt.
    if (options.newKey !== undefined && !(error instanceof WrittenFailure)) rmSync(options.newKey, { force: true });
    throw error;
  }
}
