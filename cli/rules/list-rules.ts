import { z } from 'zod';
import { muteSchema } from '../../core/detection/in-force.ts';
import { formatTable } from '../output/table.ts';
import { tellResult, type OutputOptions } from '../output/tell.ts';
import { withStores } from '../stores/with-stores.ts';

/** In the words of the wire: it is printed as it is. */
interface ListedRule {
  readonly rule: string;
  readonly version: number;
  readonly kind: string;
  readonly enabled: boolean;
  readonly applied_at: string;
  readonly definition: Readonly<Record<string, unknown>>;
}

/** The newest version of each. */
export async function listRules(options: OutputOptions): Promise<void> {
  const rules = await withStores(async ({ database }) => {
    const { rows } = await database.query<ListedRule>(
      `SELECT DISTINCT ON (id) id AS rule, version, kind, enabled, definition,
              to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS applied_at
       FROM rules ORDER BY id, version DESC`,
    );
    return rows;
  });
  const rows = rules.map((rule) => [
    rule.rule,
    String(rule.version),
    rule.kind,
    stateOf(rule),
    textOf(rule.definition['severity']),
    textOf(rule.definition['headline']),
    rule.applied_at,
  ]);
  const heads = ['rule', 'version', 'kind', 'is', 'severity', 'headline', 'applied'];
  tellResult(options, { rules }, rules.length === 0 ? ['no rules'] : formatTable(heads, rows));
}

function stateOf({ enabled, definition }: ListedRule): string {
  if (!enabled) return 'disabled';
  const mutes = z.array(muteSchema).safeParse(definition['mutes']).data ?? [];
  return mutes.some(({ until }) => Date.parse(until) > Date.now()) ? 'muted' : 'enabled';
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
