import uPlot from "uplot";
import type { Series } from "../api.ts";
import { date, rate, time, timeZone } from "../format.ts";
import { t } from "../i18n/console.ts";

const HEIGHT_REM = 15;

/** Draws the series into `box`; the returned function removes it. */
export function draw(box: HTMLElement, series: Series): () => void {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const rem = parseFloat(style.fontSize);
  const font = `${0.8125 * rem}px ${style.getPropertyValue("--font")}`;
  const axis = { stroke: colour("--soft"), font, grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
  const clock = (seconds: number) => time(new Date(seconds * 1000));
  const last = series.points.length - 1;
  const plot = new uPlot(
    {
      width: box.clientWidth,
      height: HEIGHT_REM * rem,
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), timeZone()),
      cursor: { y: false, points: { size: 7 } },
      legend: { live: true },
      // Away from the pointer the legend tells the latest figures, not dashes.
      hooks: { setCursor: [(self) => { if (self.cursor.idx == null) self.setLegend({ idx: last }, false); }] },
      scales: { y: { range: (_, _low, high) => [0, Math.max(1_000, high * 1.08)] } },
      axes: [
        { ...axis, values: (_, marks) => marks.map(clock), space: 5 * rem },
        { ...axis, values: (_, marks) => marks.map((bps) => rate(bps)), size: 6.5 * rem },
      ],
      series: [
        { label: t("event.at"), value: (_, seconds) => (seconds === null ? "–" : `${date(new Date(seconds * 1000))} ${clock(seconds)}`) },
        { label: t("chart.in"), stroke: colour("--in"), width: 2, fill: `color-mix(in srgb, ${colour("--in")} 12%, transparent)`, value: (_, bps) => rate(bps ?? undefined) },
        { label: t("chart.out"), stroke: colour("--out"), width: 2, dash: [6, 3], value: (_, bps) => rate(bps ?? undefined) },
      ],
    },
    [series.points.map((point) => point[0]), series.points.map((point) => point[1]), series.points.map((point) => point[2])],
    box,
  );
  plot.setLegend({ idx: last }, false);
  const observer = new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: HEIGHT_REM * rem }));
  observer.observe(box);
  return () => {
    observer.disconnect();
    plot.destroy();
  };
}
