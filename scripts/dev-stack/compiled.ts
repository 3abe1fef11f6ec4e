import { fileURLToPath } from 'node:url';

/** Path of a program in the compiled tree, which is where this module runs from. */
export function compiledProgram(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}
