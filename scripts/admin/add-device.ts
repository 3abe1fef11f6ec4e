import { createPublicKey, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createApiKey } from '../../core/identity/api-key.ts';
import { parseDeviceId } from '../../core/identity/ids.ts';
import type { Position } from '../../core/geo/position.ts';
import { apiKeyRegistration, parseKey } from './register-fleet.ts';
import { withRegistry } from './with-registry.ts';

interface AddDeviceOptions {
  readonly publicKey: string;
  readonly keyId: string;
  readonly lat?: string;
  readonly lon?: string;
  readonly mobile: boolean;
}

export async function addDevice(deviceId: string, options: AddDeviceOptions): Promise<void> {
  const id = parseDeviceId(deviceId);
  if (id === undefined) throw new Error(`${deviceId} is not a device id: letters, digits and : . _ -, at most 128`);
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
        keys: [parseKey(id, options.keyId, spki)],
        apiKeys: [apiKeyRegistration(apiKey.text)],
      },
    ]),
  );
  process.stdout.write(`${apiKey.text}\n`);
}

function parsePosition({ lat, lon }: AddDeviceOptions): Position | null {
  if (lat === undefined && lon === undefined) return null;
  const position = { lat: Number(lat), lon: Number(lon) };
  if (Math.abs(position.lat) <= 90 && Math.abs(position.lon) <= 180) return position;
  throw new Error('--lat and --lon go together: degrees, -90 to 90 and -180 to 180');
}
