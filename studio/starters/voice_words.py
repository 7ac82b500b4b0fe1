"""The text the voice is trained on: everyday words, and the prose found in the documentation of installed Python packages.

Knows words only. Spelling is learned from examples, so many words count for more than good sentences; the everyday words
below are drawn often, the others as they come.
"""

import random
import re
import sysconfig
from collections import Counter
from pathlib import Path

SMALL_WORDS = """\
the a of and to in is it you that he was for on are with as his they be at one have this from or had by but what some we can out other
were all there when up use your how said an each she which do their time if will way about many then them would like so these her long
make thing see him two has look more day could go come did my no most who over know than call first people down side been now find any new
work part take get place made where after back little only man year came show every good me give our under name very through just great
say much before line right too old mean same tell boy follow want also around three small set put end does another well large must big
even such because turn here why ask went men read need land different us move try kind hand picture again change off play away house point
mother i'm you're he's she's it's we're they're i've we've don't can't won't isn't doesn't didn't couldn't wouldn't that's what's let's
there's i'll we'll you'll he'll i'd am not yes nor its might shall should may upon into onto until while whose whom both neither either
none someone anyone everyone nothing something anything everything somewhere nowhere always never often sometimes usually maybe perhaps
almost already"""

EVERYDAY_WORDS = """\
air animal answer world build earth father head stand own page country found school grow study still learn plant cover food sun four
between state keep eye last let thought city tree cross farm hard start story saw far sea draw left late run press close night real life
few north open seem together next white children begin got walk example ease paper group music those mark book letter mile river car feet
care second enough plain girl usual young ready above ever red list though feel talk bird soon body dog family direct pose leave song
measure door product black short number class wind question happen complete ship area half rock order fire south problem piece told knew
pass since top whole king space heard best hour better true during hundred five remember step early hold west ground interest reach fast
verb sing listen six table travel less morning ten simple several vowel toward war lay against pattern slow center love person money serve
appear road map rain rule govern pull cold notice voice unit power town fine certain fly fall lead cry dark machine note wait plan figure
star box noun field rest correct able pound done beauty drive stood contain front teach week final gave green oh quick develop ocean warm
free minute strong special mind behind clear tail produce fact street inch multiply course stay wheel full force blue object decide
surface deep moon island foot system busy test record boat common gold possible plane stead dry wonder laugh thousand ago ran check game
shape equate hot miss brought heat snow tire bring distant fill east paint language among grand ball yet wave drop heart present heavy
dance engine position arm wide sail material size vary settle speak weight general ice matter circle pair include divide syllable felt
pick sudden count square reason length represent art subject region energy hunt probable bed brother egg ride cell believe fraction forest
sit race window store summer train sleep prove lone leg exercise wall catch mount wish sky board joy winter written wild instrument kept
glass grass cow job edge sign visit past soft fun bright gas weather month million bear finish happy hope flower clothe strange gone jump
baby eight village meet root buy raise solve metal whether push seven paragraph third held hair describe cook floor result burn hill safe
cat century consider type law bit coast copy phrase silent tall sand soil roll temperature finger industry value fight lie beat excite
natural view sense ear else quite broke case middle kill son lake moment scale loud spring observe child straight consonant nation
dictionary milk speed method organ pay age section dress cloud surprise quiet stone tiny climb cool design poor lot experiment bottom key
iron single stick flat twenty skin smile crease hole trade melody trip office receive row mouth exact symbol die least trouble shout
except wrote seed tone join suggest clean break lady yard rise bad blow oil blood touch grew cent mix team wire cost lost brown wear
garden equal sent choose fell fit flow fair bank collect save control decimal gentle woman captain practice separate difficult doctor
please protect noon whose locate ring character insect caught period indicate radio spoke atom human history effect electric expect crop
modern element hit student corner party supply bone rail imagine provide agree thus capital chair danger fruit rich thick soldier process
operate guess necessary sharp wing create neighbor wash bat rather crowd corn compare poem string bell depend meat rub tube famous dollar
stream fear sight thin triangle planet hurry chief colony clock mine tie enter major fresh search send yellow gun allow print dead spot
desert suit current lift rose continue block chart hat sell success company subtract event particular deal swim term opposite wife shoe
shoulder spread arrange camp invent cotton born determine quart nine truck noise level chance gather shop stretch throw shine property
column molecule select wrong gray repeat require broad prepare salt nose plural anger claim continent oxygen sugar death pretty skill
women season solution magnet silver thank branch match suffix especially fig afraid huge sister steel discuss forward similar guide
experience score apple bought led pitch coat mass card band rope slip win dream evening condition feed tool total basic smell valley
double seat arrive master track parent shore division sheet substance favor connect post spend chord fat glad original share station dad
bread charge proper bar offer segment slave duck instant market degree populate chick dear enemy reply drink occur support speech nature
range steam motion path liquid log meant quotient teeth shell neck orange purple pink banana cherry lemon grape peach pear potato tomato
carrot onion cheese butter honey cake cookie chocolate coffee tea juice water soup sandwich breakfast lunch dinner supper kitchen bathroom
bedroom ceiling roof stairs curtain pillow blanket towel mirror lamp candle basket bottle spoon fork knife plate bowl cup kettle oven
fridge sofa shelf drawer cupboard carpet pencil crayon eraser scissors ruler notebook letter envelope stamp newspaper magazine library
teacher classroom lesson homework horse sheep goat pig hen rooster donkey mouse rabbit squirrel hedgehog fox wolf lion tiger elephant
giraffe zebra monkey gorilla camel kangaroo penguin dolphin whale shark octopus turtle frog snake lizard spider butterfly bee ant beetle
dragonfly eagle owl parrot pigeon sparrow swan feather puppy kitten mountain waterfall bridge castle tower church temple palace cottage
hotel restaurant hospital museum theatre cinema airport harbour lighthouse bicycle motorcycle airplane helicopter rocket tractor bus taxi
tram ferry sunshine thunder lightning rainbow storm breeze fog frost autumn january february march april may june july august september
october november december monday tuesday wednesday thursday friday saturday sunday today tomorrow yesterday tonight midnight afternoon
weekend birthday holiday christmas zero eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen thirty forty fifty
sixty seventy eighty ninety billion percent hello goodbye welcome sorry thanks friend friendly neighbour uncle aunt cousin grandmother
grandfather daughter husband prince princess queen knight wizard witch dragon giant fairy monster ghost treasure secret magic adventure
journey legend brave clever curious gentle honest lazy lonely proud shy silly wise angry hungry thirsty tired sleepy scared excited
surprised worried beautiful ugly delicious wonderful terrible awful lovely perfect dangerous important expensive cheap empty dirty wet
noisy smooth rough bitter sour sweet spicy fresh frozen wooden golden round narrow shallow ancient modern popular favorite running jumping
singing dancing walking talking laughing crying sleeping eating drinking reading writing drawing painting cooking playing swimming flying
climbing looking listening waiting working making taking giving getting going coming saying thinking knowing feeling trying walked talked
played looked asked answered opened closed started finished wanted needed liked loved hated helped watched listened waited worked lived
died moved turned stopped jumped laughed cried smiled shouted whispered pushed pulled carried picked dropped washed cleaned cooked baked
ate drank slept woke stood sat ran flew swam rode drove threw caught bought sold found lost won fought sang wrote drew knew thought taught
brought told said heard saw felt left met paid sent built broke chose froze spoke stole wore tore shook hid bit dug hung quickly slowly
quietly loudly carefully easily suddenly finally recently clearly simply nearly hardly exactly probably certainly really computer keyboard
screen internet website software program robot camera telephone television video photograph message password button email science physics
chemistry biology mathematics geography economy politics government president minister election policy justice freedom peace society
culture religion tradition philosophy education university professor scientist engineer artist musician writer actor lawyer nurse dentist
farmer baker butcher driver pilot sailor carpenter plumber medicine disease health hospital patient operation muscle stomach brain knee
ankle elbow wrist thumb tongue throat chest heart knock knot know comb lamb climb doubt debt thumb psalm island sword answer whistle
castle listen fasten often calm half calf talk walk chalk folk yolk would could should rough tough enough cough though through thought
bought bough dough daughter laughter slaughter weigh eight neighbor sleigh height either neither receive ceiling field shield piece niece
friend view review beauty bureau ocean social special musician physician nation station action motion mission passion decision vision
television measure pleasure treasure leisure azure garage mirage judge bridge edge ledge fudge badge phone photo phrase graph elephant
alphabet orphan gnome gnat sign design foreign reign champagne lasagna character chaos chorus echo stomach technology machine chef
parachute quiche queue unique antique technique boutique yacht choir colonel recipe cafe ballet bouquet rhythm rhyme hymn autumn column
solemn receipt subtle vehicle exhaust honest honor heir hour ghost rhinoceros pneumonia psychology xylophone wrap wreck wrist write wrong
playwright zoo zebra zone zigzag jazz fuzzy pizza buzz vase vine velvet violin voyage vanilla thimble thirteen thunder theater theory
thorn thread throne thrill feather leather weather whether father bother clothes breathe smooth soothe yes yellow yesterday youth yard
yawn yogurt wagon waffle walnut warrior whisker wicked"""

NAMES = """\
alice adam anna ben bella charlie clara david daisy emma ethan eva frank grace george hannah henry isabel jack james jane john julia kate
kevin laura leo lily lucy mark martin mary max maria mia michael nina noah nora oliver oscar paul peter rachel robert rose ruby sam sarah
simon sophie stella susan thomas tim tom victor william zoe london paris berlin rome madrid vienna prague athens cairo tokyo china japan
india africa america canada mexico brazil england france germany italy spain russia europe asia australia"""

ENDINGS = (". ", ". ", ". ", "! ", "? ", "")
_WORD = re.compile(r"^[a-z]+('[a-z]+)?$")
_PROSE = re.compile(r"[A-Z][a-z]+(?:,? [a-z']+){4,13}\.")


def prose(files: int = 6000, seed: int = 0) -> str:
    """Return the docstrings of up to `files` modules of the standard library and the installed packages."""
    folders = {sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")}
    paths = sorted({path for folder in folders for path in Path(folder).rglob("*.py")})
    random.Random(seed).shuffle(paths)
    sources = (path.read_text(encoding="utf-8", errors="ignore") for path in paths[:files])
    return "\n".join(piece for source in sources for piece in re.findall(r'"""(.*?)"""', source, re.S))


class Corpus:
    """Draws sentences. `words` are the distinct ones it knows."""

    def __init__(self, seed: int = 0, files: int = 6000):
        text = prose(files) if files else ""
        self.random = random.Random(seed)
        self.sentences = sorted(set(re.sub(r"\s+", " ", found.group()).lower() for found in _PROSE.finditer(text)))
        counts = Counter(re.findall(r"(?<=[\s(])[a-z]{3,15}(?=[\s.,;:)])", text))
        self.found = sorted(word for word, count in counts.items() if count >= 6 and re.search("[aeiouy]", word))
        self.small, self.everyday, self.names = SMALL_WORDS.split(), sorted(set(EVERYDAY_WORDS.split())), NAMES.split()
        self.words = sorted({*self.small, *self.everyday, *self.names, *self.found, *self._inflected()})

    def _inflected(self) -> list[str]:
        stems = [word for word in self.everyday if len(word) < 9 and word[-1] not in "seyx"]
        return [stem + ending for stem in stems for ending in ("s", "ing", "ed", "er", "ly")]

    def sentence(self) -> str:
        """Return a sentence: one found in prose, or words in no particular order; sometimes with a comma, mostly with an end."""
        if self.sentences and self.random.random() < 0.25:
            return self.random.choice(self.sentences)
        words = [self._word() for _ in range(self.random.randint(1, 9))]
        if len(words) > 4 and self.random.random() < 0.3:
            words[self.random.randint(1, len(words) - 3)] += ","
        return (" ".join(words) + self.random.choice(ENDINGS)).strip()

    def _word(self) -> str:
        sources = (self.small, self.everyday, self.names, self.words)
        return self.random.choice(self.random.choices(sources, (0.35, 0.3, 0.05, 0.3))[0])
