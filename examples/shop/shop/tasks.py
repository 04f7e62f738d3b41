from shop.celery import app


@app.task
def add(x, y):
    return x + y


@app.task
def total(order):
    """The price of an order in cents: {"lines": [{"price": cents, "quantity": n}, …], "discount": percent}."""
    price = sum(line["price"] * line.get("quantity", 1) for line in order["lines"])
    return price - price * order.get("discount", 0) // 100
