import { AMQPView } from "@cloudamqp/amqp-client/amqp-view";

const LONG_TYPE = "l".charCodeAt(0);
const PYTHON_LONG_TYPE = "L".charCodeAt(0);
const DOUBLE_TYPE = "d".charCodeAt(0);
const TYPED_64_BITS = 9;

/**
 * Mends how the client reads and writes the values of AMQP tables, so that a broker finds our arguments equal to those
 * of Python's client (amqp/serialization.py) and every header of Python's client can be read:
 * - whole numbers beyond 32 bits were written modulo 2^32,
 * - fractions were written with single precision, Python writes double,
 * - 64 bit numbers as Python writes them (type "L") were refused, which costs the connection: Celery's logical clock is
 *   one, once it has passed 2^31.
 *
 * To be called once.
 */
export function mendTables(): void {
  const prototype = AMQPView.prototype;
  const { getField, setField } = prototype;

  prototype.getField = function (byteOffset, littleEndian) {
    if (this.getUint8(byteOffset) !== PYTHON_LONG_TYPE) return getField.call(this, byteOffset, littleEndian);
    return [this.getInt64(byteOffset + 1, littleEndian), TYPED_64_BITS];
  };

  prototype.setField = function (byteOffset, field, littleEndian) {
    if (typeof field !== "number" || field === (field | 0)) return setField.call(this, byteOffset, field, littleEndian);
    if (Number.isInteger(field)) {
      this.setUint8(byteOffset, LONG_TYPE);
      this.setInt64(byteOffset + 1, field, littleEndian);
    } else {
      this.setUint8(byteOffset, DOUBLE_TYPE);
      this.setFloat64(byteOffset + 1, field, littleEndian);
    }
    return TYPED_64_BITS;
  };
}
