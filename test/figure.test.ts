import { expect, it } from '@jest/globals';
import { flat } from '../bench/figure.ts';

it('says of growth what the row that compares worst says, the last or another, and fails above its limit', () => {
  const of = (...rows: number[]) => flat('growth', rows, (row) => row, 1.5);
  expect(of(20, 10, 22)).toMatchObject({ ours: 1.1, ratio: 1.36, goal: 1 });
  for (const rows of [
    [10, 12, 20],
    [10, 20, 12],
  ])
    expect(of(...rows)).toMatchObject({ ours: 2, ratio: 0.75 });
});
