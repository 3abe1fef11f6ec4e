import { readRules } from './rules-file.ts';
import { withRegistry } from './with-registry.ts';

export async function applyRules(file: string): Promise<void> {
  const rules = readRules(file);
  await withRegistry((store) => store.applyRules(rules));
  process.stderr.write(`${rules.length} rules are applied\n`);
}
