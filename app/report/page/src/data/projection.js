/**
 * The two directions along which points differ most (principal components), by power iteration.
 * @param {number[][]} points of one length, finite
 * @returns {{mean: number[], axes: [number[], number[]], shares: [number, number]}} shares of the variance
 */
export function principal(points) {
  const size = points[0]?.length ?? 0;
  const mean = Array.from({ length: size }, (_, d) => points.reduce((sum, point) => sum + point[d], 0) / points.length);
  const covariance = Array.from({ length: size }, () => new Array(size).fill(0));
  for (const point of points) {
    for (let a = 0; a < size; ++a) {
      for (let b = 0; b <= a; ++b) covariance[a][b] += ((point[a] - mean[a]) * (point[b] - mean[b])) / points.length;
    }
  }
  for (let a = 0; a < size; ++a) for (let b = a + 1; b < size; ++b) covariance[a][b] = covariance[b][a];
  const total = covariance.reduce((sum, row, d) => sum + row[d], 0);
  const first = strongest(covariance);
  for (let a = 0; a < size; ++a) {
    for (let b = 0; b < size; ++b) covariance[a][b] -= first.variance * first.axis[a] * first.axis[b];
  }
  const second = strongest(covariance);
  return {
    mean,
    axes: [first.axis, second.axis],
    shares: total > 0 ? [first.variance / total, second.variance / total] : [0, 0],
  };
}

/** @param {number[][]} matrix symmetric */
function strongest(matrix) {
  const size = matrix.length;
  let axis = Array.from({ length: size }, (_, d) => 1 + 0.1 * ((d * 7) % 5));
  let variance = 0;
  for (let step = 0; step < 200; ++step) {
    const next = matrix.map((row) => row.reduce((sum, value, d) => sum + value * axis[d], 0));
    variance = Math.hypot(...next);
    if (!(variance > 1e-12)) return { axis: axis.map(() => 0), variance: 0 };
    axis = next.map((value) => value / variance);
  }
  return { axis, variance };
}
