import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ruleSchema, type Rule } from '../../core/detection/rule.ts';
import { CommandFailure } from '../../platform/lifecycle/command-failure.ts';

/** A version in the file means nothing: the registry counts. */
const fileSchema = z.array(
  z
    .looseObject({})
    .transform((rule) => ({ ...rule, version: 1 }))
    .pipe(ruleSchema),
);

export function readRules(file: string): readonly Rule[] {
  let input: unknown;
  try {
    input = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new CommandFailure(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = fileSchema.safeParse(Array.isArray(input) ? input : [input]);
  if (!parsed.success) throw new CommandFailure(`${file}: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}
