import type { ComponentChildren } from "preact";
import type { Conference } from "../api.ts";
import { useNow } from "../clock.ts";
import { date, dayName, fieldDate, time } from "../format.ts";
import { common } from "../i18n/common.ts";
import { d } from "../i18n/desk.ts";
import { useResource } from "../resource.ts";
import { Link, useQuery } from "../router.tsx";
import { may } from "../session.ts";
import { Button, Empty, Failure, Loading, Name, PageHead } from "../ui/basics.tsx";
import { Choice } from "../ui/forms.tsx";
import { type Day, addDays, addMonths, dayOf, isDay, monthOf, stamp, startOf, weekOf } from "./days.ts";

type View = "list" | "week" | "month";

/** How far the list looks ahead, days. */
const LIST_DAYS = 30;
/** Conferences in one cell of the month; the rest is a number. */
const CELL_MAX = 3;

/** The calendar of conferences: what collides, what comes next. */
export function Calendar() {
  const today = fieldDate(useNow(60_000));
  const [chosenView, setView] = useQuery("xem", "list");
  const [chosenDay, setDay] = useQuery("ngay", today);
  const view: View = chosenView === "week" || chosenView === "month" ? chosenView : "list";
  const day = isDay(chosenDay) ? chosenDay : today;
  const weeks = view === "month" ? monthOf(day) : [weekOf(day)];
  const [from, until] = view === "list" ? [day, addDays(day, LIST_DAYS)] : [weeks[0]![0]!, addDays(weeks.at(-1)![6]!, 1)];
  const query = `?from=${encodeURIComponent(stamp(startOf(from)))}&to=${encodeURIComponent(stamp(startOf(until)))}`;
  const conferences = useResource<Conference[]>(`/conferences${query}`, ["conferences"]);
  const step = (n: number) => setDay(view === "month" ? addMonths(day, n) : addDays(day, n * (view === "week" ? 7 : LIST_DAYS)));
  const [year, month] = day.split("-");
  const title =
    view === "month" ? d("month", { month: String(Number(month)), year: year! })
    : view === "week" ? d("week", { from: date(startOf(weeks[0]![0]!)), to: date(startOf(weeks[0]![6]!)) })
    : d("list.ahead", { from: date(startOf(from)), to: date(startOf(addDays(until, -1))) });
  return (
    <>
      <PageHead title={d("title")} sub={title}>
        {may("host") && <Link href="/hop/moi" class="button primary" test="book">{d("book")}</Link>}
      </PageHead>
      <div class="toolbar">
        <Choice<View> value={view} onChange={setView} label={d("view")} test="view" options={[["list", d("view.list")], ["week", d("view.week")], ["month", d("view.month")]]} />
        <div class="stepper">
          <Button onClick={() => step(-1)} test="previous">{d("previous")}</Button>
          <Button onClick={() => setDay(today)} test="today">{d("today")}</Button>
          <Button onClick={() => step(1)} test="next">{d("next")}</Button>
        </div>
      </div>
      {!conferences.data
        ? conferences.error ? <Failure error={conferences.error} retry={conferences.reload} /> : <Loading />
        : view === "list"
          ? <List conferences={conferences.data} today={today} />
          : <Grid weeks={weeks} month={view === "month" ? day.slice(0, 7) : null} conferences={conferences.data} today={today} openDay={(next) => setDay(next)} />}
    </>
  );
}

function byStart(conferences: Conference[]): Conference[] {
  return [...conferences].sort((a, b) => a.starts_at.localeCompare(b.starts_at) || a.id - b.id);
}

function List({ conferences, today }: { conferences: Conference[]; today: Day }) {
  if (conferences.length === 0) {
    return (
      <Empty title={d("list.none")}>
        <p>{d("list.none.sub")}</p>
        {may("host") && <Link href="/hop/moi" class="button primary">{d("book")}</Link>}
      </Empty>
    );
  }
  const days = new Map<Day, Conference[]>();
  for (const conference of byStart(conferences)) {
    const day = dayOf(conference.starts_at);
    days.set(day, [...(days.get(day) ?? []), conference]);
  }
  return (
    <div class="agenda" data-test="agenda">
      {[...days].map(([day, list]) => (
        <section key={day} class="agenda-day">
          <h2>{dayName(startOf(day))}{day === today && <span class="tag">{d("today")}</span>}</h2>
          <ul>{list.map((conference) => <li key={`${conference.id} ${conference.starts_at}`}><AgendaRow conference={conference} /></li>)}</ul>
        </section>
      ))}
    </div>
  );
}

function AgendaRow({ conference }: { conference: Conference }) {
  return (
    <Link href={`/hop/${conference.id}`} class={`agenda-row ${conference.state}`} test="conference">
      <span class="agenda-time num">{time(conference.starts_at)} – {time(conference.ends_at)}</span>
      <span class="agenda-title"><Name>{conference.title}</Name></span>
      <StateTag state={conference.state} />
      <span class="quiet agenda-count num">
        {conference.state === "live" ? d("present", { joined: conference.joined, invited: conference.invited }) : d("sites", { n: conference.invited })}
      </span>
    </Link>
  );
}

export function StateTag({ state }: { state: Conference["state"] }) {
  return <span class={state === "live" ? "tag live" : "tag"} data-test="conference-state" data-state={state}>{d(`state.${state}`)}</span>;
}

interface GridProps {
  weeks: Day[][];
  /** The month that counts; null for a single week, which shows everything. */
  month: string | null;
  conferences: Conference[];
  today: Day;
  openDay: (day: Day) => void;
}

function Grid({ weeks, month, conferences, today, openDay }: GridProps) {
  const sorted = byStart(conferences);
  const cell = (day: Day): ComponentChildren => {
    const list = sorted.filter((conference) => dayOf(conference.starts_at) === day);
    const shown = month === null ? list : list.slice(0, CELL_MAX);
    return (
      <>
        {shown.map((conference) => (
          <Link key={`${conference.id} ${conference.starts_at}`} href={`/hop/${conference.id}`} class={`cell-item ${conference.state}`}>
            <span class="num">{time(conference.starts_at)}</span> <Name>{conference.title}</Name>
          </Link>
        ))}
        {list.length > shown.length && <button type="button" class="cell-more" onClick={() => openDay(day)}>{d("day.more", { n: list.length - shown.length })}</button>}
      </>
    );
  };
  return (
    <div class="month-scroll" tabIndex={0} role="region" aria-label={d("title")}>
      <table class={month === null ? "month week" : "month"} data-test="grid">
        <thead><tr>{weeks[0]!.map((day, index) => <th key={day} scope="col">{common(`weekday.${(index + 1) % 7}` as "weekday.0")}</th>)}</tr></thead>
        <tbody>
          {weeks.map((week) => (
            <tr key={week[0]}>
              {week.map((day) => (
                <td key={day} class={`${month !== null && !day.startsWith(month) ? "outside" : ""}${day === today ? " today" : ""}`}>
                  <span class="cell-day num">{Number(day.slice(8))}</span>
                  {cell(day)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
