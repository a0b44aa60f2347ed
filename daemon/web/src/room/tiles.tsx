import { useEffect, useRef, useState } from "preact/hooks";
import { r } from "../i18n/room.ts";
import { Icon } from "./icons.tsx";
import type { Seat, SeatState } from "./seat.ts";
import { type Shown, besideOf, largeOf, nameOf, sharedBy } from "./shown.ts";
import { Tile } from "./stage.tsx";
import { pageOf, tileOrder, tilesThatFit } from "./tiling.ts";

/** A page of the other sites. What is not on it is not sent. */
export function Tiles({ seat, state }: { seat: Seat; state: SeatState }) {
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState(() => fit());
  const [wanted, setWanted] = useState(0);
  useEffect(() => {
    const measure = () => setSize(fit(box.current));
    measure();
    const observer = new ResizeObserver(measure);
    if (box.current) observer.observe(box.current);
    addEventListener("resize", measure);
    return () => {
      observer.disconnect();
      removeEventListener("resize", measure);
    };
  }, []);
  const large = largeOf(state);
  const beside = besideOf(state);
  const isLarge = ({ one, track }: Shown) => one.id === large?.one.id && track === large.track;
  const shared = sharedBy(state.participants, state.self?.id).filter((candidate) => !isLarge(candidate));
  const faces = tileOrder(state.participants, state.self?.id, large?.track === "main" ? large.one.id : undefined);
  const all: Shown[] = [...shared, ...faces.map((one) => ({ one, track: "main" as const }))];
  // Who speaks beside a shared picture has a place of its own, in front; there are no pages where all have a place.
  const places = all.length > size && large && large.track !== "main" ? size - 1 : size;
  const { shown, page, pages } = pageOf(all, wanted, Math.max(1, places));
  const names = shown.map(({ one, track }) => nameOf(one.id, track));
  const key = names.join(" ");
  useEffect(() => seat.see(state.pinned, names), [key, state.pinned]);
  const others = shown.filter(({ one, track }) => track !== "main" || one.id !== beside?.id);
  return (
    <aside class="tiles" ref={box} aria-label={r("tiles")} data-test="tiles">
      <div class="tiles-page">
        {beside && <Tile key="beside" seat={seat} state={state} shown={{ one: beside, track: "main" }} test="beside" />}
        {others.map((one) => <Tile key={nameOf(one.one.id, one.track)} seat={seat} state={state} shown={one} />)}
      </div>
      {pages > 1 && (
        <div class="tiles-pager">
          <button type="button" class="icon-button" aria-label={r("tiles.previous")} data-test="tiles-previous" disabled={page === 0} onClick={() => setWanted(page - 1)}><Icon name="left" /></button>
          <span class="num">{r("tiles.page", { page: page + 1, pages })}</span>
          <button type="button" class="icon-button" aria-label={r("tiles.next")} data-test="tiles-next" disabled={page === pages - 1} onClick={() => setWanted(page + 1)}><Icon name="right" /></button>
        </div>
      )}
    </aside>
  );
}

function fit(box?: HTMLElement | null): number {
  const scale = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16;
  return tilesThatFit(innerWidth / scale, (box?.clientHeight ?? innerHeight - 160) / scale);
}
