"""The vendor's `ResumableDownLoader`, which is `download_file`."""

from typing import Any


class ResumableDownLoader:
    """One download into a file.

    Args:
        cos_client: the client that downloads.
        bucket: the bucket's name.
        key: the object's key.
        dest_filename: the path of the file.
        object_info: accepted and not used: the object's headers are requested.
        part_size: the megabytes of a part.
        max_thread: the largest number of parts in flight.
        enable_crc: accepted and not used: the CRC64 is always compared.
        progress_callback: called with the bytes that have arrived and the size of the object.
        dump_record_dir: accepted and not used.
        key_simplify_check: refuse a key that path normalisation would make empty.
        disable_temp_dest_file: write to the file directly.
        max_part_count: accepted and not used.
        **kwargs: the options of `download_file`.
    """

    def __init__(
        self,
        cos_client: Any,
        bucket: str,
        key: str,
        dest_filename: str,
        object_info: Any,
        part_size: int = 20,
        max_thread: int = 5,
        enable_crc: bool = False,
        progress_callback: Any = None,
        dump_record_dir: str | None = None,
        key_simplify_check: bool = True,
        disable_temp_dest_file: bool = False,
        max_part_count: int = 10000,
        **kwargs: Any,
    ) -> None:
        self._client = cos_client
        self._place = bucket, key, dest_filename
        self._options = {
            "PartSize": part_size,
            "MAXThread": max_thread,
            "progress_callback": progress_callback,
            "KeySimplifyCheck": key_simplify_check,
            "DisableTempDestFilePath": disable_temp_dest_file,
            **kwargs,
        }

    def start(self) -> None:
        """Download the object, or resume an interrupted download of it."""
        self._client.download_file(*self._place, **self._options)
