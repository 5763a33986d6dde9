"""Archives that are small and unpack to very much, made without unpacking them."""
import lzma
import struct
import subprocess
import zlib

MIB, GIB = 1 << 20, 1 << 30


def deflate_zeros(size, window=-15):
    """A valid stream of `size` zeros (whole MiB): blocks that need nothing of those before them, repeated."""
    c = zlib.compressobj(9, zlib.DEFLATED, window)
    head = c.compress(bytes(MIB)) + c.flush(zlib.Z_FULL_FLUSH)
    block = c.compress(bytes(MIB)) + c.flush(zlib.Z_FULL_FLUSH)
    return head + block * (size // MIB - 1) + c.flush(zlib.Z_FINISH)


def gzip_zeros(size):
    """One member; its check sum is wrong, which shows only at its end."""
    return b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + deflate_zeros(size) + struct.pack("<II", 0, size & 0xffffffff)


def zstd_zeros(size):
    gib = subprocess.run("head -c 1G /dev/zero | zstd -q -c", shell=True, capture_output=True, check=True).stdout
    return gib * (size // GIB)


def xz_zeros(size):
    return lzma.compress(bytes(256 * MIB), preset=1) * (size // (256 * MIB))


def zip_of(*members, count=None, overlap=False, comment=b""):
    """members: (name, method, packed bytes, plain size[, CRC]). overlap: all members are the first one's bytes. count: what the
    end record claims."""
    out, directory = b"", b""
    for name, method, packed, plain, *crc in members:
        name = name.encode()
        row = struct.pack("<HHHHHIIIHH", 20, 0, method, 0, 0, *(crc or [0]), len(packed), min(plain, 0xffffffff), len(name), 0)
        at = 0 if overlap else len(out)
        if not overlap or not out:
            out += b"PK\3\4" + row + name + packed
        directory += b"PK\1\2" + struct.pack("<H", 20) + row + struct.pack("<HHHII", 0, 0, 0, 0, at) + name
    n = len(members) if count is None else count
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, n & 0xffff, n & 0xffff, len(directory), len(out), len(comment)) + comment
    return out + directory + end


def stored(name, data):
    return (name, 0, data, len(data), zlib.crc32(data))


def deflated(name, data):
    c = zlib.compressobj(9, zlib.DEFLATED, -15)
    return (name, 8, c.compress(data) + c.flush(), len(data), zlib.crc32(data))
