"""Reads an image strictly by ECMA-119 and Joliet; prints the Joliet files: path, offset, length."""
import struct, sys
d = open(sys.argv[1], "rb").read()
S = 2048
assert len(d) % S == 0 and not any(d[:16 * S])
def both(b, n):
    l, m = int.from_bytes(b[:n], "little"), int.from_bytes(b[n:2 * n], "big")
    assert l == m, b
    return l
used = {}
def claim(lba, size, what):
    for s in range(lba, lba + -(-size // S)):
        assert 18 < s < len(d) // S and used.setdefault(s, what) == what, (s, what, used[s])
def hierarchy(v, joliet):
    assert both(v[80:88], 4) == len(d) // S
    assert [both(v[i:i + 4], 2) for i in (120, 124, 128)] == [1, 1, S]
    size = both(v[132:140], 4)
    l, m = struct.unpack("<I", v[140:144])[0], struct.unpack(">I", v[148:152])[0]
    claim(l, size, ("L", joliet)); claim(m, size, ("M", joliet))
    def table(at, e):
        end, rows = at + size, []
        while at < end:
            n, x, lba, parent = struct.unpack(e + "BBIH", d[at:at + 8])
            assert x == 0
            rows.append((d[at + 8:at + 8 + n], lba, parent))
            at += 8 + n + n % 2
        assert at == end
        return rows
    rows = table(l * S, "<")
    assert rows == table(m * S, ">")
    levels = [1]
    for _, _, parent in rows[1:]: levels.append(levels[parent - 1] + 1)
    key = [(level, parent) for level, (_, _, parent) in zip(levels, rows)]
    assert key == sorted(key) and max(levels) <= 8
    def records(lba, size):
        at, end, out = lba * S, lba * S + size, []
        while at < end:
            n = d[at]
            if n == 0:
                assert not any(d[at:at + S - at % S]); at += S - at % S; continue
            assert n % 2 == 0 and at % S + n <= S
            r = d[at:at + n]; k = r[32]
            assert r[1] == 0 and r[25] in (0, 2) and r[26:28] == b"\0\0" and both(r[28:32], 2) == 1
            out.append((r[33:33 + k], both(r[2:10], 4), both(r[10:18], 4), r[25] == 2, r[33 + k + 1 - k % 2:]))
            at += n
        return out
    def folder(lba, size, parent, seen, path):
        assert size % S == 0
        claim(lba, size, ("folder", joliet, lba)); seen.append(lba)
        rs = records(lba, size)
        assert [r[:4] for r in rs[:2]] == [(b"\0", lba, size, True), (b"\1", *parent, True)]
        ids = [r[0] for r in rs[2:]]
        assert len(set(ids)) == len(ids)
        name = lambda i: (i.decode("utf-16-be") if joliet else i.decode("ascii")).split(";")[0]
        # A folder and a file may not share a name either.
        assert len({name(i).rstrip(".") for i in ids}) == len(ids)
        sort = [name(i).replace(".", "\0") for i in ids]
        assert sort == sorted(sort)
        for i, at, n, is_dir, su in rs[2:]:
            full = i.decode("utf-16-be") if joliet else i.decode("ascii")
            assert is_dir or full.endswith(";1"), full
            if joliet:
                assert len(name(i)) <= 64 and not set(name(i)) & set('*/:;?\\') and not su
            else:
                assert all(c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_." for c in name(i))
                assert len(name(i)) <= 31 and name(i).count(".") == (0 if is_dir else 1)
            if is_dir: folder(at, n, (lba, size), seen, path + name(i) + '/')
            elif n: claim(at, n, ("file", at))
            else: assert 18 < at < len(d) // S
            if joliet and not is_dir: print(f"{path}{name(i)}\t{at * S}\t{n}")
        return seen
    root = v[156:190]
    lba, size = both(root[2:10], 4), both(root[10:18], 4)
    seen = folder(lba, size, (lba, size), [], '')
    assert sorted(seen) == sorted(r[1] for r in rows)
    return sum(k[0] == "file" for k in set(used.values()))
p, j, t = (d[i * S:(i + 1) * S] for i in (16, 17, 18))
assert [x[:7] for x in (p, j, t)] == [b"\1CD001\1", b"\2CD001\1", b"\xffCD001\1"]
assert j[88:91] == b"%/E"
assert hierarchy(p, False) == hierarchy(j, True)
