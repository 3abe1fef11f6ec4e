import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What a gauge reads when it is scraped: a value for each set of labels that there is now. */
export type Samples<Label extends string> = Iterable<readonly [labels: Record<Label, string>, value: number]>;

/** Makes metrics of one registry. Names, units and labels are those of the Prometheus conventions. */
export class MetricSet {
  readonly #registers: Registry[];

  constructor(registry: Registry) {
    this.#registers = [registry];
  }

  counter<Label extends string = never>(name: string, help: string, labelNames: readonly Label[] = []): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: this.#registers });
  }

  /**
   * With a series for each value of its one label from the beginning: of one that begins with its first event Prometheus sees no
   * increase.
   */
  counterOf<Label extends string>(name: string, help: string, label: Label, values: readonly string[]): Counter<Label> {
    const counter = new Counter({ name, help, labelNames: [label], registers: this.#registers });
    for (const value of values) counter.labels(value).inc(0);
    return counter;
  }

  histogram<Label extends string = never>(
    name: string,
    help: string,
    buckets: readonly number[],
    labelNames: readonly Label[] = [],
  ): Histogram<Label> {
    return new Histogram({ name, help, buckets: [...buckets], labelNames, registers: this.#registers });
  }

  /** Read when scraped, not kept up to date. */
  reading(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: this.#registers,
      collect() {
        this.set(read());
      },
    });
  }

  /** As `reading`; what is not there any more has no sample. */
  readings<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    read: () => Samples<Label>,
  ): void {
    new Gauge({
      name,
      help,
      labelNames,
      registers: this.#registers,
      collect() {
        this.reset();
        for (const [labels, value] of read()) this.set(labels, value);
      },
    });
  }
}
