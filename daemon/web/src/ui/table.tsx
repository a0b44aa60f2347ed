import type { ComponentChildren } from "preact";
import { t } from "../i18n/console.ts";
import { useQuery } from "../router.tsx";

export interface Column<Row> {
  key: string;
  label: string;
  cell: (row: Row) => ComponentChildren;
  /** Absent where an order would mean nothing. */
  compare?: (a: Row, b: Row) => number;
  /** Digits under digits. */
  numeric?: boolean;
  /** Holds names that should not break into single words. */
  wide?: boolean;
}

interface TableProps<Row> {
  label: string;
  columns: Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string;
  /** Marks a row, e.g. with its health. */
  rowClass?: (row: Row) => string;
  test?: string;
  /** The name of the order in the address; two tables on a page need two. */
  order?: string;
  /** As high as its rows: for short tables inside a page. */
  low?: boolean;
}

/** Rows drawn at once; more are counted and left to the filter. */
const ROWS_MAX = 1_000;

/** A dense table with a head that stays; its order changes only when a head is pressed. On narrow screens each row is a card. */
export function Table<Row>({ label, columns, rows, rowKey, rowClass, test, order = "sap", low }: TableProps<Row>) {
  const [sorting, sort] = useQuery(order);
  const down = sorting.startsWith("-");
  const by = columns.find((column) => column.key === sorting.replace(/^-/, ""));
  const sorted = by?.compare ? [...rows].sort((a, b) => by.compare!(a, b) * (down ? -1 : 1)) : rows;
  return (
    <div class={low ? "table-scroll low" : "table-scroll"} tabIndex={0} role="region" aria-label={label}>
      <table class="table cards-when-narrow" data-test={test}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.key} scope="col" class={column.numeric ? "right" : undefined} aria-sort={by === column ? (down ? "descending" : "ascending") : undefined}>
                {column.compare
                  ? (
                    <button type="button" class="sort" title={t("sort.by", { column: column.label })} onClick={() => sort(by !== column ? column.key : down ? "" : `-${column.key}`)}>
                      {column.label}<span aria-hidden="true">{by === column ? (down ? " ↓" : " ↑") : ""}</span>
                    </button>
                  )
                  : column.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.slice(0, ROWS_MAX).map((row) => (
            <tr key={rowKey(row)} class={rowClass?.(row)} data-row={rowKey(row)}>
              {columns.map((column, index) =>
                index === 0
                  ? <th key={column.key} scope="row" class={column.wide ? "wide" : undefined}>{column.cell(row)}</th>
                  : <td key={column.key} class={column.numeric ? "right num" : column.wide ? "wide" : undefined} data-label={column.label}>{column.cell(row)}</td>,
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {sorted.length > ROWS_MAX && <p class="quiet table-more">{t("rows.more", { n: sorted.length - ROWS_MAX })}</p>}
    </div>
  );
}
