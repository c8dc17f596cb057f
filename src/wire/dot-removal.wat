;; The source of the module in dot-removal.ts. It tests eight octets as one number.
(module
  (memory (export "memory") 1)

  ;; Sets the highest bit of each CR, and of some octets above one. The lowest bit that is set is always right.
  (func $cr (param $octets i64) (result i64)
    (local.set $octets (i64.xor (local.get $octets) (i64.const 0x0d0d0d0d0d0d0d0d)))
    (i64.and
      (i64.and
        (i64.sub (local.get $octets) (i64.const 0x0101010101010101))
        (i64.xor (local.get $octets) (i64.const -1)))
      (i64.const 0x8080808080808080)))

  ;; Copies the octets before $end to $out, without the first dot of each line. The octet at 0 is in the middle of a line.
  ;; Stops before CRLF . CRLF, and before the last eight octets at the latest, since more octets may have to follow a dot.
  ;; Returns how many octets it read, and where the copy ends.
  (func (export "remove") (param $end i32) (param $out i32) (result i32 i32)
    (local $at i32)
    (local $from i32)
    (local $length i32)
    (local $hit i64)
    (block $stop
      (loop $next
        (br_if $stop (i32.gt_u (i32.add (local.get $at) (i32.const 8)) (local.get $end)))
        (local.set $hit (call $cr (i64.load (local.get $at))))
        (if (i64.eqz (local.get $hit))
          (then
            (local.set $at (i32.add (local.get $at) (i32.const 8)))
            (br $next)))
        (local.set $at
          (i32.add (local.get $at) (i32.wrap_i64 (i64.shr_u (i64.ctz (local.get $hit)) (i64.const 3)))))
        (br_if $stop (i32.gt_u (i32.add (local.get $at) (i32.const 8)) (local.get $end)))
        ;; LF and a dot after it?
        (if (i32.ne
              (i32.and (i32.load (local.get $at)) (i32.const 0xffffff))
              (i32.const 0x2e0a0d))
          (then
            (local.set $at (i32.add (local.get $at) (i32.const 1)))
            (br $next)))
        ;; And CR LF after it?
        (br_if $stop (i32.eq (i32.load16_u offset=3 (local.get $at)) (i32.const 0x0a0d)))
        (local.set $length (i32.sub (i32.add (local.get $at) (i32.const 2)) (local.get $from)))
        (memory.copy (local.get $out) (local.get $from) (local.get $length))
        (local.set $out (i32.add (local.get $out) (local.get $length)))
        (local.set $at (i32.add (local.get $at) (i32.const 3)))
        (local.set $from (local.get $at))
        (br $next)))
    (local.set $length (i32.sub (local.get $at) (local.get $from)))
    (memory.copy (local.get $out) (local.get $from) (local.get $length))
    (local.get $at)
    (i32.add (local.get $out) (local.get $length))))
