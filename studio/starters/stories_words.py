"""The words of the stories starter: who and what there is in its small world, and a few plain facts about each.

Knows nouns, adjectives and names. Does not know sentences: stories_plots.py and stories_talk.py put these words into them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Being:
    """An animal, person or creature: what it looks like, where it is at home, what it likes to eat, what it does."""

    word: str
    looks: str
    home: str
    food: str
    does: str
    gender: str = ""


@dataclass(frozen=True)
class Thing:
    """An object: what it is made of and what it is good for."""

    word: str
    stuff: str
    use: str


@dataclass(frozen=True)
class Place:
    """A place: the preposition that goes with it and what there is to see and to hear."""

    word: str
    preposition: str
    sight: str
    sound: str

    @property
    def where(self) -> str:
        return f"{self.preposition} the {self.word}"


def _rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]


BEINGS = {
    row[0]: Being(*row)
    for row in _rows("""
fox | red fur and a bushy tail | forest | berries | runs quickly through the leaves
rabbit | long ears and a small white tail | meadow | carrots | hops over the grass
bunny | soft ears and a pink nose | garden | clover | jumps when it is happy
bear | thick brown fur and big paws | forest | honey | sleeps all winter
mouse | tiny paws and a long thin tail | farm | cheese | squeaks softly
owl | round eyes and quiet wings | forest | nuts | flies at night
cat | soft fur and green eyes | village | fish | purrs by the fire
kitten | tiny paws and soft fur | village | milk | plays with string
dog | floppy ears and a wagging tail | farm | bones | barks at the gate
puppy | big paws and a wet nose | farm | biscuits | chases its own tail
frog | smooth green skin and long legs | lake | flies | sings in the rain
duck | yellow feet and soft feathers | lake | bread | swims in circles
turtle | a hard round shell | beach | seaweed | walks very slowly
hedgehog | a coat of small spikes | garden | apples | rolls into a ball
squirrel | a big fluffy tail | forest | nuts | climbs every tree
deer | thin legs and gentle eyes | forest | leaves | leaps over streams
pony | a long mane and strong legs | farm | oats | trots down the road
horse | a shiny coat and a long mane | farm | hay | gallops over the fields
goat | two horns and a little beard | mountain | grass | climbs on rocks
sheep | thick white wool | meadow | grass | follows its friends
lamb | soft white wool | meadow | milk | skips in the sun
cow | a big pink nose and a swinging tail | farm | hay | gives milk every morning
pig | a round belly and a curly tail | farm | turnips | rolls in the mud
hen | brown feathers and a red comb | farm | corn | lays an egg every day
bird | bright feathers and small wings | garden | seeds | sings in the morning
wolf | grey fur and yellow eyes | mountain | soup | howls at the moon
lion | a golden mane and strong paws | desert | meat pies | roars very loudly
tiger | orange fur and black stripes | jungle | fish | swims in the river
monkey | long arms and a curly tail | jungle | bananas | swings from tree to tree
elephant | big ears and a long trunk | jungle | sweet fruit | sprays water
penguin | black wings and a white belly | island | fish | slides on the ice
whale | a huge grey tail | sea | tiny shrimp | sings under the water
fish | shiny scales and quick fins | lake | crumbs | swims without a sound
crab | two big claws | beach | seaweed | walks sideways
bee | thin wings and yellow stripes | garden | nectar | makes honey
butterfly | wings of many colours | meadow | nectar | dances in the air
snail | a small house on its back | garden | lettuce | leaves a silver line
dragon | green scales and wide wings | mountain | hot peppers | breathes fire
unicorn | a white coat and a silver horn | meadow | sugar | makes flowers grow
giant | huge boots and a deep voice | mountain | a hundred pancakes | shakes the ground
robot | a metal body and blinking lights | city | oil | counts everything
ghost | a pale face and no feet | castle | nothing at all | floats through walls
monster | purple fur and one big tooth | cave | old socks | hides under the bed
wizard | a tall hat and a long beard | tower | mushroom soup | does magic | he
witch | a pointed hat and a black coat | tower | pumpkin pie | flies on a broom | she
fairy | tiny wings and a bright wand | garden | honey cake | grants wishes | she
princess | a long dress and a small crown | castle | cherry cake | rides a white horse | she
prince | a blue coat and shiny boots | castle | roast potatoes | learns to be brave | he
king | a big crown and a warm coat | castle | apple pie | rules the land | he
queen | a golden crown and a kind face | castle | sweet grapes | looks after everyone | she
knight | shiny armour and a long sword | castle | bread and cheese | helps people
pirate | a black hat and a wooden leg | island | coconuts | sails the sea
farmer | a straw hat and muddy boots | farm | potato soup | grows corn
baker | a white apron and floury hands | village | fresh bread | bakes before sunrise
teacher | round glasses and a warm smile | school | sandwiches | answers every question
sailor | a striped shirt and strong arms | harbor | fish stew | knows all the stars
girl | two braids and quick feet | village | pancakes | asks many questions | she
boy | messy hair and bright eyes | village | jam on toast | climbs trees | he
grandmother | silver hair and a soft shawl | village | tea and cake | tells old tales | she
grandfather | a white beard and a walking stick | village | warm porridge | mends broken things | he
""")
}

THINGS = {
    row[0]: Thing(*row)
    for row in _rows("""
boat | wood | crossing the water
lamp | brass | lighting a dark room
drum | wood and skin | making a loud beat
kite | paper and string | flying in the wind
key | iron | opening a door
map | old paper | finding the way
book | paper | reading on a rainy day
bell | metal | calling everyone to dinner
hat | felt | keeping the sun away
lantern | glass and iron | walking in the night
cake | flour and sugar | sharing with friends
ball | rubber | playing outside
flute | wood | playing soft music
coin | gold | buying something small
shell | something hard and smooth | hearing the sea
basket | straw | carrying apples
umbrella | cloth | staying dry
bicycle | steel | riding down a hill
blanket | wool | keeping warm
clock | wheels and springs | telling the time
compass | brass and glass | knowing where north is
crown | gold | looking like a king
feather | almost nothing | writing a letter
guitar | wood and strings | singing by the fire
ladder | wood | reaching high places
mirror | glass | looking at yourself
necklace | pearls | a big party
pumpkin | something orange | making soup
ring | silver | remembering a promise
rocket | metal | flying to the moon
scarf | wool | keeping your neck warm
seed | something very small | growing a flower
sled | wood | sliding over the snow
stone | rock | building a wall
telescope | glass and brass | looking at the stars
train | iron | long journeys
violin | wood and strings | playing a sad song
wagon | wood | moving heavy things
whistle | tin | calling a friend
candle | wax | seeing in the dark
sword | steel | cutting ropes
ship | wood | sailing the sea
balloon | rubber | floating up to the clouds
box | wood | hiding a secret
letter | paper | saying something kind
flower | soft petals | cheering someone up
apple | something sweet | a quick snack
pie | flour and fruit | a cold day
star | light | making a wish
doll | cloth | playing at home
toy | wood | playing all day
chair | wood | resting your legs
bottle | glass | sending a message over the sea
rope | strong string | climbing down
pencil | wood | drawing a picture
cup | clay | drinking tea
car | metal | driving to town
treasure | gold and jewels | a very big surprise
egg | a thin shell | a good breakfast
broom | straw | sweeping the floor
""")
}

PLACES = {
    row[0]: Place(*row)
    for row in _rows("""
forest | in | tall trees and soft moss | leaves that whisper
village | in | little houses with red roofs | children who laugh
garden | in | roses and a small pond | bees that hum
castle | in | high walls and long halls | doors that creak
river | by | clear water and round stones | water that rushes
mountain | on | grey rocks and white snow | wind that sings
beach | on | yellow sand and pretty shells | waves that crash
meadow | in | green grass and wild flowers | crickets that chirp
market | at | bright stalls and fresh fruit | people who shout
library | in | a thousand books | pages that turn
island | on | palm trees and blue water | birds that call
farm | on | a red barn and wide fields | hens that cluck
cave | in | dark walls and shiny crystals | water that drips
city | in | tall buildings and busy streets | bells that ring
lake | by | still water and green reeds | frogs that croak
school | at | small desks and a big map | children who sing
windmill | at | four turning sails and sacks of flour | wheels that rattle
harbor | at | ships and heavy ropes | gulls that cry
desert | in | golden sand and a hot sun | wind that hisses
valley | in | a winding road and apple trees | sheep bells that tinkle
tower | in | a narrow stair and one small window | wind that howls
jungle | in | giant leaves and red flowers | monkeys that chatter
sea | by | blue waves and white foam | gulls that cry
house | in | a warm kitchen and a blue door | a kettle that sings
bridge | on | old planks and a long rope | a stream that murmurs
park | in | a round pond and green benches | children who play
""")
}

NAMES = {
    "he": ["Milo", "Pip", "Finn", "Toby", "Hugo", "Max", "Otto", "Leo", "Gus", "Jasper", "Theo", "Felix", "Ben", "Oscar", "Tom", "Barney"],
    "she": ["Luna", "Rosa", "Olive", "Nina", "Ivy", "Bella", "Lily", "Ruby", "Daisy", "Clara", "Willow", "Poppy", "Hazel", "Mia", "Emma", "Tilly"],
}
TRAITS = ["little", "brave", "shy", "clever", "kind", "lonely", "curious", "sleepy", "cheerful", "gentle", "hungry", "clumsy", "quiet", "happy", "old", "young", "grumpy", "lazy", "proud", "silly"]
LOOKS = ["red", "blue", "golden", "silver", "shiny", "tiny", "huge", "old", "wooden", "broken", "magic", "painted", "green", "purple", "yellow", "white", "black", "pink", "strange", "beautiful"]
WEATHER = ["sunny", "windy", "rainy", "snowy", "foggy", "warm", "cold", "bright", "quiet", "stormy"]
FOODS = ("apple pie", "honey cake", "hot soup", "fresh bread", "warm milk", "sweet berries", "pancakes", "cherry jam")
EDIBLE = ("cake", "apple", "pie", "egg", "pumpkin")

SMALL = {
    "colours": ["red", "blue", "green", "yellow", "purple", "orange", "white", "black", "pink", "brown"],
    "foods": ["apples", "bread", "cheese", "honey", "soup", "cake", "berries", "carrots", "pancakes", "nuts", "pie", "milk"],
    "feelings": ["happy", "sad", "brave", "shy", "proud", "lonely", "curious", "sleepy", "calm", "excited"],
    "names": NAMES["he"] + NAMES["she"],
}
ANIMALS = list(BEINGS)[: list(BEINGS).index("dragon")]
PEOPLE = list(BEINGS)[list(BEINGS).index("wizard") :]
CREATURES = [word for word in BEINGS if word not in ANIMALS and word not in PEOPLE]


def article(words: str) -> str:
    """Return `words` with the article it takes: `an old fox`, `a unicorn`."""
    return ("an " if words[0] in "aeiou" and not words.startswith("uni") else "a ") + words
