#!/usr/bin/env python3
"""A key blob of Windows in a Python program, with nothing but ctypes: in, used, and out again.

    python3 blob.py /usr/lib/libcngtoken.so ECCPRIVATEBLOB key.blob 12345678 back.blob

Takes an RSA or EC private key, signs one line with it, and writes the blob that the token gives back. The token (slot 0) exists.
The numbers are PKCS#11's and those of cngtoken.h.
"""
import sys
from ctypes import CDLL, Structure, byref, c_ubyte, c_ulong, c_void_p, cast, create_string_buffer

CKF_SERIAL_SESSION, CKF_RW_SESSION, CKU_USER = 4, 2, 1
CKA_SENSITIVE, CKA_EXTRACTABLE = 0x103, 0x162
CKM_SHA256_RSA_PKCS, CKM_ECDSA_SHA256 = 0x40, 0x1044


class Attribute(Structure):
    _fields_ = [("type", c_ulong), ("value", c_void_p), ("length", c_ulong)]


class Mechanism(Structure):
    _fields_ = [("mechanism", c_ulong), ("parameter", c_void_p), ("length", c_ulong)]


def attribute(number, value):
    """A boolean attribute; the buffer is kept alive by the list that it is put in."""
    buffer = create_string_buffer(bytes([value]), 1)
    return buffer, Attribute(number, cast(buffer, c_void_p), 1)


def wide(text):
    """CK_UTF16CHAR: 16 bits in the host's order, a zero at the end."""
    return create_string_buffer(text.encode("utf-16-le" if sys.byteorder == "little" else "utf-16-be") + b"\0\0")


def main(path, type_name, blob_file, pin, output):
    module = CDLL(path)
    session, public, private = c_ulong(), c_ulong(), c_ulong()

    def must(what, result):
        """Ends the program with what failed; the token knows the NTSTATUS and a reason of the vendor functions."""
        if result == 0:
            return
        status, length, reason = c_ulong(), c_ulong(255), create_string_buffer(255)
        module.C_GetBCryptStatus(session, byref(status), reason, byref(length))
        sys.exit(f"{what}: CK_RV 0x{result:x}, NTSTATUS 0x{status.value:08x}: {reason.raw[:length.value].decode()}")

    for name in ["C_Initialize", "C_OpenSession", "C_Login", "C_SignInit", "C_Sign", "C_ImportBCryptBlob", "C_ExportBCryptBlob", "C_Finalize"]:
        getattr(module, name).restype = c_ulong
    must("C_Initialize", module.C_Initialize(None))
    must("C_OpenSession", module.C_OpenSession(c_ulong(0), c_ulong(CKF_SERIAL_SESSION | CKF_RW_SESSION), None, None, byref(session)))
    must("C_Login", module.C_Login(session, c_ulong(CKU_USER), pin.encode(), c_ulong(len(pin.encode()))))

    # In. Without the template the private key would be sensitive and never leave the token again.
    with open(blob_file, "rb") as file:
        blob = file.read()
    kept, may_leave = zip(attribute(CKA_SENSITIVE, 0), attribute(CKA_EXTRACTABLE, 1))
    template = (Attribute * 2)(*may_leave)
    must("C_ImportBCryptBlob", module.C_ImportBCryptBlob(
        session, None, c_ulong(0), wide(type_name), blob, c_ulong(len(blob)), c_ulong(0), template, c_ulong(2), byref(public), byref(private)))
    print(f"imported {len(blob)} bytes: public key {public.value}, private key {private.value}")

    # Used, as any PKCS#11 key.
    how = Mechanism(CKM_ECDSA_SHA256 if blob[:1] == b"E" else CKM_SHA256_RSA_PKCS, None, 0)
    text, signature, length = b"signed with a key from Windows", create_string_buffer(4096), c_ulong(4096)
    must("C_SignInit", module.C_SignInit(session, byref(how), private))
    must("C_Sign", module.C_Sign(session, text, c_ulong(len(text)), signature, byref(length)))
    print(f"signed: {length.value} bytes")

    # Out: once for the size, once for the bytes.
    must("C_ExportBCryptBlob", module.C_ExportBCryptBlob(session, private, wide(type_name), c_ulong(0), None, byref(length)))
    back = (c_ubyte * length.value)()
    must("C_ExportBCryptBlob", module.C_ExportBCryptBlob(session, private, wide(type_name), c_ulong(0), back, byref(length)))
    with open(output, "wb") as file:
        file.write(bytes(back[:length.value]))
    print(f"exported: {length.value} bytes")
    must("C_Finalize", module.C_Finalize(None))


if __name__ == "__main__":
    if len(sys.argv) != 6:
        sys.exit("usage: blob.py MODULE TYPE BLOB-FILE PIN OUTPUT")
    main(*sys.argv[1:])
