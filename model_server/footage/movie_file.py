"""A movie's container: opened so that it can name no other file, and decoded picture by picture."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import av.container
import av.error
from av.stream import Disposition

from model_server.errors import BadFootage
from model_server.footage.limits import DECODER_THREADS, MAX_PIXELS, check_size

# Containers that hold pictures themselves. FFmpeg's playlists (hls, concat, dash, sdp, image2, ...) name other files
# and addresses, so they are not here.
_FORMATS = (
    "mov,matroska,avi,mpeg,mpegts,mxf,gif,ogg,flv,asf,dv,apng,h264,hevc,m4v,mpegvideo,ivf,av1,obu,nut,yuv4mpegpipe"
)
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _FORMATS, "max_pixels": str(MAX_PIXELS)}

# What PyAV raises on broken files; IndexError where a stream that the header names is not there.
BROKEN = (av.error.FFmpegError, ValueError, IndexError)


class MovieFile:
    """The first video stream of a movie. Use it as a context manager, or close it."""

    def __init__(self, path: Path) -> None:
        """Raises BadFootage: not a movie, or one without pictures."""
        self.name = path.name
        try:
            self.container = av.open(str(path.absolute()), options=_OPTIONS, metadata_errors="replace")
        except BROKEN as error:
            raise self._unreadable(error) from error
        # A cover picture of a sound file is a video stream, too, by name.
        streams = [s for s in self.container.streams.video if not s.disposition & Disposition.attached_pic]
        if not streams:
            self.close()
            raise BadFootage(f"'{self.name}' holds no pictures, only sound or data", hint="name a movie with pictures")
        self.stream = streams[0]
        self.stream_count = len(streams)
        if self.stream.codec_context is None:
            self.close()
            raise BadFootage(f"no decoder for the pictures of '{self.name}'", hint="convert it to H.264 or ProRes")
        self.has_alpha_layer = self.stream.metadata.get("alpha_mode") == "1"
        self._decoder = self._make_decoder()
        if self._decoder.width or self._decoder.height:
            check_size(self.name, self._decoder.width, self._decoder.height)

    def __enter__(self) -> "MovieFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.container.close()

    def packets(self) -> Iterator[Any]:
        """Coded pictures in the order of the file, those before an edit's start included: others build on them.

        Raises:
            BadFootage: the file can't be read on.
        """
        try:
            for packet in self.container.demux(self.stream):
                if packet.size:  # an empty packet ends the stream
                    yield packet
        except BROKEN as error:
            raise self._unreadable(error) from error

    def seek(self, time: int) -> None:
        """To the last keyframe at or before `time`, in units of the stream.

        Raises:
            BadFootage: the file can't seek there.
        """
        try:
            self.container.seek(time, stream=self.stream, backward=True)
            self._decoder.flush_buffers()
        except BROKEN as error:
            raise self._unreadable(error) from error

    def pictures(self) -> Iterator[av.VideoFrame]:
        """Decoded pictures from here on, in the order they are shown.

        Raises:
            BadFootage: a coded picture is damaged; every whole one before it was given first.
        """
        damage: Exception | None = None
        for packet in self.packets():
            try:
                yield from self._decoder.decode(packet)
            except BROKEN as error:
                damage = error
                break
        try:
            yield from self._decoder.decode(None)
        except BROKEN as error:
            damage = damage or error
        if damage is not None:
            raise self._unreadable(damage) from damage

    def _make_decoder(self) -> Any:
        """FFmpeg's own VP8 and VP9 decoders leave alpha out; libvpx gives it."""
        decoder: Any = self.stream.codec_context
        library = {"vp8": "libvpx", "vp9": "libvpx-vp9"}.get(decoder.name)
        if self.has_alpha_layer and library is not None:
            extradata, decoder = decoder.extradata, av.VideoCodecContext.create(library, "r")
            decoder.extradata = extradata
        decoder.options = {"max_pixels": str(MAX_PIXELS)}
        decoder.thread_type = "AUTO"
        decoder.thread_count = DECODER_THREADS
        return decoder

    def _unreadable(self, error: Exception) -> BadFootage:
        reason = getattr(error, "strerror", None) or str(error)
        if isinstance(error, av.error.ArgumentError):  # what FFmpeg says of formats off the list
            reason = "its format is not one of a movie"
        return BadFootage(
            f"'{self.name}' can't be read as a movie: {reason}", hint="play it in a video player, or export it again"
        )
