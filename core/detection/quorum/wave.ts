/** A wave that spreads from a point below the ground, in two phases as an earthquake's P and S waves do. */
export interface Wave {
  /** Of what arrives first, metres per second. */
  readonly fast_m_s: number;
  /** Of what shakes most. */
  readonly slow_m_s: number;
  /** Depths at which sources are looked for, metres. */
  readonly depths_m: readonly number[];
}

export interface Point {
  /** East and north of a reference, metres. */
  readonly x: number;
  readonly y: number;
}
