import { readFileSync } from 'node:fs';
import { CommandFailure } from '../../platform/lifecycle/command-failure.ts';

export function readTextFile(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommandFailure(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
