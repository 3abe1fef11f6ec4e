import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ruleSchema } from '../../core/detection/rule.ts';
import { withRegistry } from './with-registry.ts';

/** A version in the file means nothing: the registry counts. */
const fileSchema = z.array(
  z
    .looseObject({})
    .transform((rule) => ({ ...rule, version: 1 }))
    .pipe(ruleSchema),
);

export async function applyRules(file: string): Promise<void> {
  const parsed = fileSchema.safeParse(JSON.parse(readFileSync(file, 'utf8')));
  if (!parsed.success) throw new Error(`${file}: ${z.prettifyError(parsed.error)}`);
  await withRegistry((store) => store.applyRules(parsed.data));
  process.stderr.write(`${parsed.data.length} rules are applied\n`);
}
