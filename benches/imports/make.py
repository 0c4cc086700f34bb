#!/usr/bin/env python3
"""Writes the costly and the hostile inputs of `cngtoken-bench imports` (all but rsa-16384.blob, which OpenSSL made). Run in this folder.

Everything comes from one fixed seed. No key here protects anything."""
import base64
import hashlib
import random
import struct

R = random.Random(20261125)


def write(name, blob):
    with open(name + ".blob", "wb") as file:
        file.write(blob)


def rsa2(n, e, p, q):
    width = lambda x: (x.bit_length() + 7) // 8
    half = max(width(p), width(q), (width(n) + 1) // 2)
    number = lambda x, w: x.to_bytes(w, "big")
    header = struct.pack("<4s5I", b"RSA2", n.bit_length(), width(e), width(n), half, half)
    return header + number(e, width(e)) + number(n, width(n)) + number(p, half) + number(q, half)


def is_prime(n, rounds=8):
    for small in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47):
        if n % small == 0:
            return n == small
    d, s = n - 1, 0
    while d % 2 == 0:
        d, s = d // 2, s + 1
    for _ in range(rounds):
        x = pow(R.randrange(2, n - 1), d, n)
        if x in (1, n - 1):
            continue
        for _ in range(s - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def odd(bits):
    return R.getrandbits(bits) | 1 | 3 << (bits - 2)


def with_e(bits, e):
    """A random odd number whose predecessor has no factor in common with e."""
    while True:
        p = odd(bits)
        if (p - 1) % e:
            return p


# Two random numbers as the primes of the largest modulus, and e as wide as it may be.
e = 2**64 - 59
p, q = with_e(8192, e), with_e(8192, e)
write("rsa-16384-composite", rsa2(p * q, e, p, q))

# Primes built for Miller-Rabin: p = (k + 1)(2k + 1) with both factors prime passes a quarter of all bases.
while True:
    k = R.getrandbits(511) | 1 << 510
    k -= k % 2
    a, b = k + 1, 2 * k + 1
    if is_prime(a, 2) and is_prime(b, 2) and is_prime(a) and is_prime(b):
        break
hostile = a * b
while True:
    p = odd(1024)
    if is_prime(p, 2) and (p - 1) % 65537:
        break
write("rsa-2048-pseudoprime", rsa2(hostile * p, 65537, hostile, p))


def dsa_v2(p, q, g, y, x, seed, counter, hash_code):
    key, group = (p.bit_length() + 7) // 8, (q.bit_length() + 7) // 8
    number = lambda v, w: v.to_bytes(w, "big")
    header = struct.pack("<4s5I", b"DPV2", key, hash_code, 1, len(seed), group) + struct.pack(">I", counter)
    return header + seed + number(q, group) + number(p, key) + number(g, key) + number(y, key) + number(x, group)


def dsa_group(bits, hash_name):
    """FIPS 186-4, A.1.1.2, with q as wide as the hash."""
    size = hashlib.new(hash_name).digest_size
    q_bits = 8 * size
    digest = lambda n: hashlib.new(hash_name, n.to_bytes(size, "big")).digest()
    while True:
        seed = R.randbytes(size)
        base = int.from_bytes(seed, "big")
        q = int.from_bytes(hashlib.new(hash_name, seed).digest(), "big") | 1 << (q_bits - 1) | 1
        if not is_prime(q):
            continue
        blocks = -(-bits // q_bits)
        offset = 1
        for counter in range(4 * bits):
            w = b"".join(digest((base + offset + j) % 2**q_bits) for j in reversed(range(blocks)))
            x = int.from_bytes(w, "big") % 2 ** (bits - 1) + 2 ** (bits - 1)
            p = x - (x % (2 * q) - 1)
            if p.bit_length() == bits and is_prime(p, 1) and is_prime(p):
                g = pow(2, (p - 1) // q, p)
                return p, q, g, seed, counter
            offset += blocks


p, q, g, seed, counter = dsa_group(3072, "sha512")
x = R.randrange(1, q)
y = pow(g, x, p)
write("dsa-3072-512-seed", dsa_v2(p, q, g, y, x, seed, counter, 2))
write("dsa-3072-512-wrong-seed", dsa_v2(p, q, g, y, x, seed[:-1] + bytes([seed[-1] ^ 1]), counter, 2))
# A p without its primality: q divides p - 1 and g has order q in no field.
write("dsa-3072-512-outside", dsa_v2(p, q, g, (y * 3) % p, x, seed, counter, 2))
write("dsa-4096", dsa_v2(odd(4096), q, 2, 3, x, seed, counter, 2))


def dh(p, g, y, x):
    key = (p.bit_length() + 7) // 8
    return struct.pack("<4sI", b"DHPV", key) + b"".join(v.to_bytes(key, "big") for v in (p, g, y, x))


# A composite "prime" of the largest size without small factors, and everything else in order.
def without_small_factors(bits):
    while True:
        n = odd(bits)
        if all(n % f for f in range(3, 2000, 2)):
            return n


p = without_small_factors(8192)
x = R.getrandbits(8190)
write("dh-8192-composite", dh(p, 2, pow(2, x, p), x))

# The largest group that is accepted: RFC 3526's, out of the command line's own file (SEQUENCE { INTEGER p, INTEGER g, ... }).
with open("../../cli/src/groups/modp8192.pem") as file:
    der = base64.b64decode("".join(line for line in file if not line.startswith("-")))
at = der.index(b"\x02\x82\x04\x01\x00") + 5
p = int.from_bytes(der[at : at + 1024], "big")
write("dh-8192", dh(p, 2, pow(2, x, p), x))
