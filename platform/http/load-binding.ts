import { createRequire } from 'node:module';

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
