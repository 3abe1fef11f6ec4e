import { z } from 'zod';

const targetSchema = z.object({
  expr: z.string().optional(),
  instant: z.boolean().optional(),
  rawSql: z.string().optional(),
});
const panelSchema = z.object({
  id: z.int(),
  type: z.string(),
  title: z.string().optional(),
  description: z.string().optional(),
  gridPos: z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
  datasource: z.object({ type: z.string(), uid: z.string() }).optional(),
  targets: z.array(targetSchema).default([]),
});
const variableSchema = z.object({
  name: z.string(),
  datasource: z.object({ type: z.string(), uid: z.string() }),
  query: z.union([z.string(), z.object({ query: z.string() })]),
});

/** A dashboard as Grafana is given it, as far as tests look at it. */
export const dashboardSchema = z.object({
  uid: z.string(),
  title: z.string(),
  templating: z.object({ list: z.array(variableSchema) }),
  panels: z.array(panelSchema),
});

/** Values of a variable of which all are chosen. */
export type Variables = ReadonlyMap<string, readonly string[]>;

/** As Grafana fills in an expression of Prometheus. */
export function fillExpression(expr: string, variables: Variables, rangeS: number): string {
  let filled = expr
    .replaceAll('$__rate_interval', '10s')
    .replaceAll('$__interval', '1s')
    .replaceAll('$__range', `${rangeS}s`);
  for (const [name, values] of variables) {
    filled = filled.replaceAll(new RegExp(`\\$${name}\\b`, 'g'), () => `(${values.join('|')})`);
  }
  return filled;
}

/** As Grafana's data source for PostgreSQL fills in a statement. */
export function fillStatement(sql: string, variables: Variables, fromMs: number, toMs: number): string {
  const literal = (ms: number): string => `'${new Date(ms).toISOString()}'`;
  let filled = sql
    .replaceAll(
      /\$__timeFilter\(([^)]+)\)/g,
      (_, column: string) => `${column} BETWEEN ${literal(fromMs)} AND ${literal(toMs)}`,
    )
    .replaceAll('$__timeFrom()', literal(fromMs))
    .replaceAll('$__timeTo()', literal(toMs));
  for (const [name, values] of variables) {
    const list = values.map((value) => `'${value.replaceAll("'", "''")}'`).join(',');
    filled = filled.replaceAll(new RegExp(`\\$${name}\\b`, 'g'), () => list);
  }
  return filled;
}
