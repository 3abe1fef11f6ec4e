import { ok, problem, type Finding } from './finding.ts';

/** Whether the services know the registry as the database has it. @param projected null for none */
export function judgeProjection(projected: string | null, version: string): Finding {
  if (projected === version) return ok('projection', `the services know the registry at its version ${version}`);
  const known = projected === null ? 'no registry' : `the registry at version ${projected}`;
  const isAhead = projected !== null && BigInt(projected) > BigInt(version);
  return problem(
    'projection',
    `the services know ${known}, and the database has it at ${version}`,
    isAhead
      ? 'the database was restored to an older state, or is another one: a worker that reaches both makes the projection anew'
      : 'start a worker if none runs, and see in its log why it does not reach the database',
  );
}
