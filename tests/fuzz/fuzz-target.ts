import fc from 'fast-check';
import { describeInput } from './describe-input.ts';

/** What a parser does that it must not do, with the smallest input that makes it do so. */
export interface Finding {
  readonly parser: string;
  /** With `cases`, repeats it. */
  readonly seed: number;
  readonly cases: number;
  readonly counterexample: string;
  readonly problem: string;
}

/** A parser, what it is fed, and what holds for every answer of it. */
export interface FuzzTarget {
  readonly name: string;
  fuzz(seed: number, cases: number): Finding | undefined;
}

/** Of one input, at most as large as a message may be. Time of the processor: others may keep us waiting. */
const MAX_CPU_US = 2_000_000;

/** @param check throws when something does not hold; the parser itself may never throw */
export function createTarget<T>(name: string, inputs: fc.Arbitrary<T>, check: (input: T) => void): FuzzTarget {
  const property = fc.property(inputs, (input) => {
    const startedUs = cpuUs();
    check(input);
    const takenUs = cpuUs() - startedUs;
    if (takenUs > MAX_CPU_US) throw new Error(`takes ${Math.round(takenUs / 1000)} ms`);
  });
  return {
    name,
    fuzz: (seed, cases) => {
      const details = fc.check(property, { seed, numRuns: cases });
      if (!details.failed) return undefined;
      const { counterexample, errorInstance } = details;
      const problem = withoutMachinery(errorInstance);
      return { parser: name, seed, cases, counterexample: describeInput(counterexample?.[0]), problem };
    },
  };
}

const MACHINERY = /^\s+at .*(?:node_modules\/fast-check|node:internal|tests\/fuzz\/fuzz)/;

/** The stack without what calls the check and what compares. */
function withoutMachinery(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const lines = (error.stack ?? error.message).split('\n');
  return lines.filter((line) => !MACHINERY.test(line)).join('\n');
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
