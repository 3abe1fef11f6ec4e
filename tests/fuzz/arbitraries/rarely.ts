import fc from 'fast-check';

const ONE_IN = 200;

/** Inputs that take long to make and to read get a small share of the cases. */
export function rarely<T>(often: fc.Arbitrary<T>, seldom: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof({ weight: ONE_IN - 1, arbitrary: often }, { weight: 1, arbitrary: seldom });
}
