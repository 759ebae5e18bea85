import { CancellationScope, condition } from '@temporalio/workflow';
import { entered, type LedgerRange } from '../pipeline/ledger.ts';
import { act, type GeneratorRun } from './generator-run.ts';

/** The ledger is written down when it has so many ranges. */
const PAGE_RANGES = 100;

/** Enters what was sent in the ledger, and writes that down page by page. */
export interface LedgerWriter {
  /** Enters events; ranges that go on where the lane's last ended become one. */
  enter(range: LedgerRange): void;
  /** Enters that what a lane held back has been sent, in a range without events. */
  enterHeldBack(range: LedgerRange): void;
  /** Writes down what is entered, once that is a page. */
  writeFull(): Promise<void>;
  /** Writes down all that is entered. A cancellation does not reach it. */
  write(): Promise<void>;
  /** The same, and waits for what others write just now. */
  flush(): Promise<void>;
}

/** The ledger of a generator, whose cursor keeps what is not written down yet. */
export function ledgerWriter(run: GeneratorRun): LedgerWriter {
  let writing = 0;
  /** What is under way goes into one page; a page is one object, named by its number. */
  const write = async (): Promise<void> => {
    writing++;
    try {
      while (run.cursor.ledger.length > 0) {
        const { game, ledger, pages } = run.cursor;
        run.cursor.ledger = [];
        run.cursor.pages = pages + 1;
        const summary = `${ledger.length} ranges`;
        const page = { game, ranges: ledger };
        await CancellationScope.nonCancellable(() => act['ledger.write'].executeWithOptions({ summary }, [run.pipeline, pages, page]));
      }
    } finally {
      writing--;
    }
  };
  return {
    enter: (range) => {
      run.cursor.ledger = entered(run.cursor.ledger, range);
    },
    enterHeldBack: (range) => {
      run.cursor.ledger = [...run.cursor.ledger, range];
    },
    writeFull: async () => {
      if (run.cursor.ledger.length >= PAGE_RANGES) await write();
    },
    write,
    flush: async () => {
      await write();
      await condition(() => writing === 0);
    },
  };
}
