import { useEffect, useRef, useState } from "preact/hooks";
import type { InterfaceRow, Series } from "../api.ts";
import { useCell } from "../cell.ts";
import { rate } from "../format.ts";
import { t } from "../i18n/console.ts";
import { language } from "../i18n/index.ts";
import { useResource } from "../resource.ts";
import { theme } from "../theme.ts";
import { Empty, Failure, Loading, Name, Panel } from "../ui/basics.tsx";

/** A day of traffic, in and out, with what it says in a sentence. */
export function InterfaceChart({ device, row }: { device: string; row: InterfaceRow }) {
  const series = useResource<Series>(`/devices/${encodeURIComponent(device)}/series?interface=${encodeURIComponent(row.name)}&hours=24`, [`device:${device}`]);
  const points = series.data?.points ?? [];
  const highest = (column: 1 | 2) => points.reduce<number | undefined>((best, point) => (point[column] === null ? best : Math.max(best ?? 0, point[column])), undefined);
  const [top_in, top_out] = [highest(1), highest(2)];
  const empty = series.data && top_in === undefined && top_out === undefined;
  return (
    <Panel title={<>{t("device.chart")}: <Name>{row.name}</Name>{row.alias && <span class="quiet"> · <Name>{row.alias}</Name></span>}</>} test="chart">
      {empty
        ? <Empty title={t("chart.empty")} />
        : series.data
          ? (
            <>
              <p data-test="chart-sentence">{t("chart.sentence", { in: rate(top_in), out: rate(top_out) })}</p>
              <Plot series={series.data} />
            </>
          )
          : series.error ? <Failure error={series.error} retry={series.reload} /> : <Loading rows={3} />}
    </Panel>
  );
}

function Plot({ series }: { series: Series }) {
  const box = useRef<HTMLDivElement>(null);
  const shownTheme = useCell(theme);
  const spoken = useCell(language);
  const [draw, setDraw] = useState<typeof import("./plot.ts").draw>();
  useEffect(() => {
    void import("./plot.ts").then((module) => setDraw(() => module.draw));
  }, []);
  useEffect(() => {
    if (!draw || !box.current) return;
    return draw(box.current, series);
  }, [draw, series, shownTheme, spoken]);
  return <div class="plot" ref={box} data-test="plot" />;
}
