import { createPublicKey, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createApiKey } from '../../core/identity/api-key.ts';
import { parseDeviceId } from '../../core/identity/ids.ts';
import { parseStatus, parseTags } from './describe-device.ts';
import { parsePosition, type PositionOptions } from './position-option.ts';
import { apiKeyRegistration, parseKey } from './register-fleet.ts';
import { withRegistry } from './with-registry.ts';

interface AddDeviceOptions extends PositionOptions {
  readonly publicKey?: string;
  readonly keyId: string;
  readonly mobile: boolean;
  readonly status?: string;
  readonly tag?: readonly string[];
}

export async function addDevice(deviceId: string, options: AddDeviceOptions): Promise<void> {
  const id = parseDeviceId(deviceId);
  if (id === undefined) throw new Error(`${deviceId} is not a device id: letters, digits and : . _ -, at most 128`);
  // Not mandatory for the parser, which would ask the subcommands for it as well.
  if (options.publicKey === undefined) throw new Error('--public-key <file> is missing');
  const spki = createPublicKey(readFileSync(options.publicKey)).export({ type: 'spki', format: 'der' });
  const apiKey = createApiKey(randomBytes);
  await withRegistry((store) =>
    store.registerDevices([
      {
        id,
        class: options.mobile ? 'mobile' : 'fixed',
        site: null,
        owner: null,
        position: parsePosition(options),
        status: parseStatus(options.status),
        tags: parseTags(options.tag),
        keys: [parseKey(id, options.keyId, spki)],
        apiKeys: [apiKeyRegistration(apiKey.text)],
      },
    ]),
  );
  process.stdout.write(`${apiKey.text}\n`);
}
