import { BINDING_FIX, findBindingFault, formatPlatform } from '../../platform/http/load-binding.ts';
import { StartupError } from '../../platform/lifecycle/startup-error.ts';
import { ok, problem, type Finding } from './finding.ts';

/** Ingest and the broadcaster cannot start without it. */
export async function checkBinding(): Promise<readonly Finding[]> {
  const where = formatPlatform();
  const fault = findBindingFault();
  if (fault !== undefined)
    return [problem('binding', `uWebSockets.js cannot be loaded (${where}): ${fault}`, BINDING_FIX)];
  const { createApp } = await import('../../platform/http/uws.ts');
  try {
    createApp();
    return [ok('binding', `uWebSockets.js is the native binding (${where})`)];
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    return [problem('binding', `uWebSockets.js is not the native binding (${where})`, BINDING_FIX)];
  }
}
