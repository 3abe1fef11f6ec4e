import { findBindingFault } from '../../platform/http/load-binding.ts';
import { StartupError } from '../../platform/lifecycle/startup-error.ts';
import { ok, problem, type Finding } from './finding.ts';

const FIX =
  'install the version that package.json names with "npm ci"; for Node 22 and later it needs glibc 2.38 (Debian 13, Ubuntu 24.04)';

/** Ingest and the broadcaster cannot start without it. */
export async function checkBinding(): Promise<readonly Finding[]> {
  const where = `Node ${process.versions.node}, ${process.platform} ${process.arch}`;
  const fault = findBindingFault();
  if (fault !== undefined) return [problem('binding', `uWebSockets.js cannot be loaded (${where}): ${fault}`, FIX)];
  const { createApp } = await import('../../platform/http/uws.ts');
  try {
    createApp();
    return [ok('binding', `uWebSockets.js is the native binding (${where})`)];
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    return [problem('binding', `uWebSockets.js is not the native binding (${where})`, FIX)];
  }
}
