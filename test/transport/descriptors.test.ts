import { afterEach, describe, expect, mock, spyOn, test } from "bun:test";
import { descriptorLimit, firstReserved } from "../../src/transport/descriptors.js";

afterEach(() => void mock.restore());

test.each([
  [1024, 992],
  [256, 224],
  [255, 224],
  [64, 56],
  [Infinity, Infinity],
])("of %d descriptors, the first that no client gets is %d", (limit, first) => {
  expect(firstReserved(limit)).toBe(first);
});

describe("the limit of this process", () => {
  const reports: [object, number][] = [
    [{ userLimits: { open_files: { soft: 1024, hard: 4096 } } }, 1024],
    [{ userLimits: { open_files: { soft: "unlimited", hard: "unlimited" } } }, Infinity],
    [{ userLimits: { open_files: {} } }, Infinity],
    [{ userLimits: {} }, Infinity],
    [undefined as never, Infinity],
    // As on Windows.
    [{}, Infinity],
  ];
  test.each(reports)("is in its report: %j", (report, limit) => {
    spyOn(process.report, "getReport").mockReturnValue(report as never);
    expect(descriptorLimit()).toBe(limit);
  });
});
