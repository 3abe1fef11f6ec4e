import { createRequire } from 'node:module';
import { StartupError } from '../lifecycle/startup-error.ts';

/** What to do where uWebSockets.js cannot be loaded, or is no native binding. */
export const BINDING_FIX =
  'install the version that package.json names with "npm ci"; for Node 22 and later it needs glibc 2.38 (Debian 13, Ubuntu 24.04)';

/**
 * Why uWebSockets.js cannot be loaded, or undefined. Asked of `require`, because an error of a CommonJS module that is imported ends
 * the process in Node 20, whoever catches it.
 */
export function findBindingFault(): string | undefined {
  try {
    createRequire(import.meta.url)('uWebSockets.js');
    return undefined;
  } catch (error) {
    const [first = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    return first;
  }
}

/** Refuses to start, in one line. Called before anything is imported that imports uWebSockets.js. */
export function requireBinding(): void {
  const fault = findBindingFault();
  if (fault === undefined) return;
  throw new StartupError(`uWebSockets.js cannot be loaded (${formatPlatform()}): ${fault}. To mend it ${BINDING_FIX}.`);
}

/** For people who look for the binding of their machine. */
export function formatPlatform(): string {
  return `Node ${process.versions.node}, ${process.platform} ${process.arch}`;
}
