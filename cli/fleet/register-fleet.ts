import type { DeviceRegistration } from '../../platform/postgres/registry-store.ts';
import { readTextFile } from '../options/read-text-file.ts';
import { openProgress } from '../output/progress.ts';
import { counted } from '../output/counted.ts';
import { tellDone, type OutputOptions } from '../output/tell.ts';
import { withRegistry } from '../stores/with-stores.ts';
import { parseManifestDevices, registrationOf } from './parse-manifest.ts';

export async function registerFleet(file: string, options: OutputOptions): Promise<void> {
  const listed = parseManifestDevices(readTextFile(file));
  using progress = openProgress('devices', listed.length);
  const devices: DeviceRegistration[] = [];
  for (const device of listed) {
    devices.push(registrationOf(device));
    await progress.advance();
  }
  await withRegistry((store) => store.registerDevices(devices));
  progress[Symbol.dispose]();
  tellDone(options, { registered: devices.length }, `${counted(devices.length, 'device')} registered`);
}
