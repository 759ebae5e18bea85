import { expect, it } from '@jest/globals';
import { compared, flat, limited } from '../bench/figure.ts';

it('says of growth what the row that compares worst with the least before it says, and fails above its limit', () => {
  const of = (...rows: number[]) => flat('growth', rows, (row) => row, 1.5);
  expect(of(20, 11)).toMatchObject([{ ours: 0.55, ratio: 2.72, goal: 1 }]);
  expect(of(20)).toEqual([]);
  for (const rows of [
    [10, 12, 20],
    [10, 20, 12],
    [20, 10, 20],
  ])
    expect(of(...rows)).toMatchObject([{ ours: 2, ratio: 0.75 }]);
});

it('rounds no ratio up to its goal', () => {
  expect(compared('gap', 'ms', 10, 599.6, 60).ratio).toBe(59.9);
  expect(limited('calls', '1/s', 1.004, 1).ratio).toBe(0.99);
});
