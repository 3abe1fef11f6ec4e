/**
 * Two high-passes of first order behind each other, for samples that need not be evenly spaced: a step dies away, and so does
 * what is slower than the cut-off, by 12 dB an octave.
 */
export type HighPassState = readonly [input: number, once: number, twice: number];

export const startHighPass = (input: number): HighPassState => [input, 0, 0];

/**
 * @param elapsedS since the sample before
 * @returns of which the last is the output
 */
export function passHigh(cutOffHz: number, before: HighPassState, input: number, elapsedS: number): HighPassState {
  const timeConstantS = 1 / (2 * Math.PI * cutOffHz);
  const kept = timeConstantS / (timeConstantS + elapsedS);
  const once = kept * (before[1] + input - before[0]);
  return [input, once, kept * (before[2] + once - before[1])];
}
