import { passHigh, startHighPass, type HighPassState } from './high-pass.ts';

/** What is known of one metric between two samples. */
export interface InputState {
  /** The newest value that counts. */
  readonly value: number;
  /** The newest one was not believed. */
  readonly doubted?: boolean | undefined;
  readonly passed?: HighPassState | undefined;
}

/**
 * Takes out single samples that stand alone, and what is slow. A high-pass would turn such a spike into a swing that lasts,
 * hence a large step is believed when the next sample has it too; a median would do the same and hold everything up.
 *
 * @param largestStep from one sample to the next that is believed at once
 * @param elapsedS since the sample before
 */
export function conditionInput(
  { largestStep, highpass_hz: cutOffHz }: { readonly largestStep: number; readonly highpass_hz?: number | undefined },
  before: InputState | undefined,
  value: number,
  elapsedS: number,
): { readonly state: InputState; readonly output: number } {
  const doubted = before !== undefined && before.doubted !== true && Math.abs(value - before.value) > largestStep;
  const input = doubted ? before.value : value;
  const known: InputState = doubted ? { value: input, doubted } : { value: input };
  if (cutOffHz === undefined) return { state: known, output: input };
  const passed =
    before?.passed === undefined ? startHighPass(input) : passHigh(cutOffHz, before.passed, input, elapsedS);
  return { state: { ...known, passed }, output: passed[2] };
}
