import { useEffect, useRef, useState } from "preact/hooks";

interface PictureProps {
  stream: MediaStream | undefined;
  mirror?: boolean;
  /** Called when pictures begin or stop to arrive. */
  onShown?: (shown: boolean) => void;
  test?: string;
  participant?: string;
  track?: string;
}

/** A video element that exists only while it is seen, and lets its stream go when it is not. Sound plays elsewhere. */
export function Picture({ stream, mirror, onShown, test, participant, track }: PictureProps) {
  const element = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const video = element.current;
    if (!video) return;
    video.srcObject = stream ?? null;
    // Muted video may always play; what is refused here is an element that went away meanwhile.
    if (stream) void video.play().catch(() => undefined);
    return () => {
      video.srcObject = null;
    };
  }, [stream]);
  return (
    <video
      ref={element}
      class={mirror ? "picture mirror" : "picture"}
      muted
      playsInline
      autoPlay
      disablePictureInPicture
      data-test={test}
      data-participant={participant}
      data-track={track}
      onPlaying={() => onShown?.(true)}
      onEmptied={() => onShown?.(false)}
    />
  );
}

/** Whether pictures have begun to arrive for this stream. */
export function useShown(stream: MediaStream | undefined): [boolean, (shown: boolean) => void] {
  const [shown, setShown] = useState(false);
  useEffect(() => setShown(false), [stream]);
  return [shown, setShown];
}
