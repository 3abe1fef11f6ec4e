import { readFileSync } from 'node:fs';

/** Text of a Lua script that lies beside the module that uses it; the build copies it there. */
export function loadScript(name: string, moduleUrl: string): string {
  return readFileSync(new URL(name, moduleUrl), 'utf8');
}
