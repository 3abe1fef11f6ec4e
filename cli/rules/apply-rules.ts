import { counted } from '../output/counted.ts';
import { tellDone, type OutputOptions } from '../output/tell.ts';
import { withRegistry } from '../stores/with-stores.ts';
import { readRules } from './rules-file.ts';

export async function applyRules(file: string, options: OutputOptions): Promise<void> {
  const rules = readRules(file);
  await withRegistry((store) => store.applyRules(rules));
  tellDone(options, { applied: rules.map(({ id }) => id) }, `${counted(rules.length, 'rule')} applied`);
}
