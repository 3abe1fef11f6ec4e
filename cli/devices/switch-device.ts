import { tellDone, type OutputOptions } from '../output/tell.ts';
import { withRegistry } from '../stores/with-stores.ts';

export async function disableDevice(deviceId: string, options: OutputOptions): Promise<void> {
  await withRegistry((_registry, trust) => trust.disableDevice(deviceId));
  tellDone(options, { device: deviceId, disabled: true }, `${deviceId} is disabled`);
}

export async function enableDevice(deviceId: string, options: OutputOptions): Promise<void> {
  await withRegistry((_registry, trust) => trust.enableDevice(deviceId));
  tellDone(options, { device: deviceId, disabled: false }, `${deviceId} is enabled`);
}
