import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { ApiError, type RoomPreview, api } from "../api.ts";
import { Cell, useCell } from "../cell.ts";
import { showTimesIn, span } from "../format.ts";
import { common, errorSentence } from "../i18n/common.ts";
import { language, proposeLanguage } from "../i18n/index.ts";
import { r } from "../i18n/room.ts";
import { Button } from "../ui/basics.tsx";
import { Asker, Speaker } from "../ui/dialog.tsx";
import { Guard } from "../ui/guard.tsx";
import { LiveRoom } from "./live_room.tsx";
import { LocalMedia } from "./local_media.ts";
import { Notice } from "./notice.tsx";
import { probe } from "./probe.ts";
import { type Ending, Seat, type SeatState } from "./seat.ts";
import { Wizard } from "./wizard.tsx";

/** What the page shows before there is a seat. */
const NO_SEAT = new Cell<SeatState | null>(null);

/** The link is `/p/ROOM#TOKEN`: what follows the # never reaches a server or its logs. */
function link(): { room: string; token: string } {
  let room = "";
  try {
    room = decodeURIComponent(location.pathname.replace(/^\/p\//, "").replace(/\/+$/, ""));
  } catch {
    // a malformed escape names no room
  }
  return { room, token: location.hash.slice(1) };
}

function Page() {
  useCell(language);
  const [{ room, token }] = useState(link);
  const [media] = useState(() => new LocalMedia());
  const [preview, setPreview] = useState<RoomPreview>();
  const [error, setError] = useState<ApiError>();
  const [seat, setSeat] = useState<Seat | null>(null);
  const state = useCell<SeatState | null>(seat ? (seat.state as Cell<SeatState | null>) : NO_SEAT);
  useEffect(() => probe(seat, media), [seat]);

  const read = () => {
    setError(undefined);
    api.roomPreview(room, token).then(
      (answer) => {
        proposeLanguage(answer.language);
        showTimesIn(answer.time_zone);
        document.title = `${answer.title} · ${common("brand")}`;
        setPreview(answer);
      },
      (refusal: ApiError) => setError(refusal),
    );
  };
  useEffect(() => {
    if (token !== "" && room !== "") read();
  }, []);
  useEffect(() => {
    const moved = () => location.reload(); // another link opened in this tab
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);

  if (token === "" || room === "") return <Notice title={r("no_token.title")} text={r("no_token.text")} test="no-token" />;
  if (!preview) {
    if (!error) return <Notice title={r("opening")} test="opening" />;
    if (error.code === "no_such_room" || error.code === "room_ended") return <Over ending={error.code} />;
    return (
      <Notice title={r("preview.failed")} text={errorSentence(error.code)} test="preview-failed">
        <Button kind="primary" onClick={read} test="retry">{common("retry")}</Button>
      </Notice>
    );
  }
  if (!seat || !state) {
    if (preview.state === "ended") return <Over ending="ended" />;
    if (preview.state === "cancelled") return <Notice title={r("over.cancelled")} text={r("over.cancelled.text")} test="cancelled" />;
    return <Wizard room={room} token={token} preview={preview} media={media} join={(name, wants) => setSeat(new Seat(room, token, name, media, wants))} />;
  }
  switch (state.phase) {
    case "joining":
      return <Notice title={r("joining.title")} text={state.refusal ? errorSentence(state.refusal.code) : undefined} test="joining" />;
    case "waiting":
      return (
        <Notice title={r("waiting.title")} text={r("waiting.text")} test="waiting">
          <p class="num">{r("waiting.time", { span: span(preview.starts_at, preview.ends_at) })}</p>
        </Notice>
      );
    case "in":
      return <LiveRoom seat={seat} state={state} />;
    case "over":
      return <Over ending={state.ending ?? "left"} />;
  }
}

/** A link that no longer leads anywhere is not offered again. */
const FINAL: readonly Ending[] = ["no_such_room", "ended", "room_ended"];

function Over({ ending }: { ending: Ending }) {
  return (
    <Notice title={r(`over.${ending}`)} text={r(`over.${ending}.text`)} test={`over-${ending}`}>
      {!FINAL.includes(ending) && <Button kind="primary" test="again" onClick={() => location.reload()}>{r(ending === "replaced" ? "over.here" : "over.again")}</Button>}
    </Notice>
  );
}

export function start(): void {
  render(
    <Guard>
      <Page />
      <Asker />
      <Speaker />
    </Guard>,
    document.getElementById("app")!,
  );
}
